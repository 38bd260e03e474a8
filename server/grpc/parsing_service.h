// A gRPC service whose methods get their requests parsed by server/grpc/parse.h.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/support/server_callback.h>

#include "base/check.h"
#include "server/grpc/call.h"

namespace nearhit::server {

// By itself gRPC answers UNIMPLEMENTED, without a word, to a request that cannot be parsed, and
// takes one in a stream for the end of the stream. `Api` is a generated service.
// Every method is to be named by Unary() or Stream() in the constructor.
template <typename Api>
class ParsingService : public Api::CallbackService {
 protected:
  // `call` and `core` must outlive the service.
  template <typename Request, typename Response>
  void Unary(ServiceCore* core, const UnaryCall<Request, Response>& call) {
    using Messages = CallMessages<Request, Response>;
    auto messages = std::make_shared<Messages>();
    auto* handler = new grpc::internal::CallbackUnaryHandler<grpc::ByteBuffer, Response>(
        [core, &call](grpc::CallbackServerContext* wire_call, const grpc::ByteBuffer*, Response*) {
          const Status parsed = Messages::Holder::Of(wire_call)->ParseRequest();
          if (!parsed.ok()) {
            grpc::ServerUnaryReactor* reactor = wire_call->DefaultReactor();
            reactor->Finish(ToGrpcStatus(parsed));
            return reactor;
          }
          return MakeCall(core, call, wire_call);
        });
    handler->SetMessageAllocator(messages.get());
    messages_.push_back(std::move(messages));
    const google::protobuf::MethodDescriptor& method = MethodOf(call.name);
    NEARHIT_CHECK(method.input_type() == Request::descriptor() &&
                  method.output_type() == Response::descriptor());
    this->MarkMethodRawCallback(method.index(), handler);
  }

  template <typename Response>
  void Stream(const char* name, std::function<grpc::ServerBidiReactor<grpc::ByteBuffer, Response>*(
                                    grpc::CallbackServerContext*)>
                                    make) {
    this->MarkMethodRawCallback(
        MethodOf(name).index(),
        new grpc::internal::CallbackBidiHandler<grpc::ByteBuffer, Response>(std::move(make)));
  }

 private:
  // `name`: "nearhit.v1.Cache.Lookup".
  static const google::protobuf::MethodDescriptor& MethodOf(const char* name) {
    const auto* method = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
    NEARHIT_CHECK(method != nullptr && method->service()->full_name() == Api::service_full_name());
    return *method;
  }

  std::vector<std::shared_ptr<void>> messages_;
};

}  // namespace nearhit::server
