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
#include "server/grpc/call_messages.h"
#include "server/grpc/convert.h"

namespace nearhit::server {

// By itself gRPC answers UNIMPLEMENTED, without a word, to a request that cannot be parsed, and
// takes one in a stream for the end of the stream. `Api` is a generated service.
// Every method is to be named by Unary() or Stream() in the constructor.
template <typename Api>
class ParsingService : public Api::CallbackService {
 protected:
  template <typename Self, typename Request, typename Response>
  void Unary(const char* name,
             grpc::ServerUnaryReactor* (Self::*method)(grpc::CallbackServerContext*, const Request*,
                                                       Response*)) {
    using Messages = CallMessages<Request, Response>;
    auto messages = std::make_shared<Messages>();
    auto* handler = new grpc::internal::CallbackUnaryHandler<grpc::ByteBuffer, Response>(
        [this, method](grpc::CallbackServerContext* call, const grpc::ByteBuffer*,
                       Response* response) {
          auto* holder = Messages::Holder::Of(call);
          if (const Status parsed = holder->ParseRequest(); !parsed.ok()) {
            grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
            reactor->Finish(ToGrpcStatus(parsed));
            return reactor;
          }
          return (static_cast<Self*>(this)->*method)(call, holder->parsed(), response);
        });
    handler->SetMessageAllocator(messages.get());
    messages_.push_back(std::move(messages));
    this->MarkMethodRawCallback(IndexOf(name), handler);
  }

  template <typename Response>
  void Stream(const char* name, std::function<grpc::ServerBidiReactor<grpc::ByteBuffer, Response>*(
                                    grpc::CallbackServerContext*)>
                                    make) {
    this->MarkMethodRawCallback(
        IndexOf(name),
        new grpc::internal::CallbackBidiHandler<grpc::ByteBuffer, Response>(std::move(make)));
  }

 private:
  static int IndexOf(const char* name) {
    const auto* service = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(
        Api::service_full_name());
    NEARHIT_CHECK(service != nullptr && service->FindMethodByName(name) != nullptr);
    return service->FindMethodByName(name)->index();
  }

  std::vector<std::shared_ptr<void>> messages_;
};

}  // namespace nearhit::server
