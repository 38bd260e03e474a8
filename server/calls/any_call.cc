#include "server/calls/any_call.h"

#include <utility>

#include "base/check.h"
#include "server/calls/calls.h"

namespace nearhit::server {
namespace {

template <typename Request, typename Response>
AnyCall Erase(const UnaryCall<Request, Response>& call) {
  AnyCall out;
  out.method = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(call.name);
  NEARHIT_CHECK(out.method != nullptr && out.method->input_type() == Request::descriptor() &&
                out.method->output_type() == Response::descriptor());
  out.path = call.path;
  out.may_be_large = kMayBeLarge<Response>;
  out.begin = [&call](ServiceCore* core, const AnyMessage& request, const CallContext& context,
                      AnyMessage* response, RestOfCall<AnyMessage>* rest) {
    RestOfCall<Response> typed;
    Status status = call.Begin(core, static_cast<const Request&>(request), context,
                               static_cast<Response*>(response), &typed);
    rest->lane = typed.lane;
    if (typed.run) {
      rest->run = [run = std::move(typed.run)](const CallContext& later, AnyMessage* out_message) {
        return run(later, static_cast<Response*>(out_message));
      };
    }
    return status;
  };
  return out;
}

std::unique_ptr<AnyMessage> NewMessage(const google::protobuf::Descriptor* type) {
  return std::unique_ptr<AnyMessage>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

}  // namespace

std::unique_ptr<AnyMessage> AnyCall::NewRequest() const {
  return NewMessage(method->input_type());
}

std::unique_ptr<AnyMessage> AnyCall::NewResponse() const {
  return NewMessage(method->output_type());
}

std::vector<AnyCall> AllCalls() {
  std::vector<AnyCall> out;
  const auto add = [&out](const auto& call) { out.push_back(Erase(call)); };
  ForEachCall(kCacheCalls, add);
  ForEachCall(kVectorsCalls, add);
  ForEachCall(kAdminCalls, add);
  return out;
}

}  // namespace nearhit::server
