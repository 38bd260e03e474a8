#include "cli/client.h"

namespace nearhit {

ExitCode ExitCodeOf(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return kExitOk;
    case StatusCode::kNotFound:
      return kExitNotFound;
    case StatusCode::kInvalidArgument:
    case StatusCode::kFailedPrecondition:
    case StatusCode::kAlreadyExists:
      return kExitRefused;
    case StatusCode::kUnavailable:
    case StatusCode::kDeadlineExceeded:
      return kExitUnavailable;
    default:
      return kExitOther;
  }
}

Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) {
    return {};
  }
  switch (status.error_code()) {
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::OUT_OF_RANGE:
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED:
      return Internal(status.error_message());
    default:  // the codes are numerically the same
      return {static_cast<StatusCode>(status.error_code()), status.error_message()};
  }
}

Client::Client(const std::string& target, std::chrono::milliseconds timeout) : timeout_(timeout) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);  // pages of a scan may be large; the server bounds them
  // $http_proxy is for the web: a proxy is no way to a daemon on this machine or network.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto channel =
      grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
  cache_ = v1::Cache::NewStub(channel);
  vectors_ = v1::Vectors::NewStub(channel);
  admin_ = v1::Admin::NewStub(channel);
}

}  // namespace nearhit
