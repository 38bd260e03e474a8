#include "server/grpc/status.h"

#include "server/calls/convert.h"

namespace nearhit::server {
namespace {

template <StatusCode kOurs, grpc::StatusCode kTheirs>
constexpr bool kSameCode = static_cast<int>(kOurs) == static_cast<int>(kTheirs);
static_assert(kSameCode<StatusCode::kOk, grpc::StatusCode::OK>);
static_assert(kSameCode<StatusCode::kCancelled, grpc::StatusCode::CANCELLED>);
static_assert(kSameCode<StatusCode::kInvalidArgument, grpc::StatusCode::INVALID_ARGUMENT>);
static_assert(kSameCode<StatusCode::kDeadlineExceeded, grpc::StatusCode::DEADLINE_EXCEEDED>);
static_assert(kSameCode<StatusCode::kNotFound, grpc::StatusCode::NOT_FOUND>);
static_assert(kSameCode<StatusCode::kAlreadyExists, grpc::StatusCode::ALREADY_EXISTS>);
static_assert(kSameCode<StatusCode::kResourceExhausted, grpc::StatusCode::RESOURCE_EXHAUSTED>);
static_assert(kSameCode<StatusCode::kFailedPrecondition, grpc::StatusCode::FAILED_PRECONDITION>);
static_assert(kSameCode<StatusCode::kAborted, grpc::StatusCode::ABORTED>);
static_assert(kSameCode<StatusCode::kUnimplemented, grpc::StatusCode::UNIMPLEMENTED>);
static_assert(kSameCode<StatusCode::kInternal, grpc::StatusCode::INTERNAL>);
static_assert(kSameCode<StatusCode::kUnavailable, grpc::StatusCode::UNAVAILABLE>);
static_assert(kSameCode<StatusCode::kDataLoss, grpc::StatusCode::DATA_LOSS>);

}  // namespace

grpc::Status ToGrpcStatus(const Status& status) {
  if (status.ok()) {
    return grpc::Status::OK;
  }
  return grpc::Status(static_cast<grpc::StatusCode>(WireCode(status.code())), WireMessage(status));
}

TimePoint ToSteadyDeadline(std::chrono::system_clock::time_point deadline) {
  constexpr auto kForever = std::chrono::hours(24 * 365);
  const auto now = std::chrono::system_clock::now();
  if (deadline > now + kForever) {  // gRPC says "none" with the far end of time
    return TimePoint::max();
  }
  return std::chrono::steady_clock::now() + (deadline - now);
}

}  // namespace nearhit::server
