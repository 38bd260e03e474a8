// The list of calls without their types, for a transport that has its messages from descriptors.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "server/calls/call.h"

namespace nearhit::server {

using AnyMessage = google::protobuf::Message;

// A row of the list (UnaryCall), with messages of any type.
struct AnyCall {
  const google::protobuf::MethodDescriptor* method = nullptr;
  std::string_view path{};
  bool may_be_large = false;  // kMayBeLarge
  // As UnaryCall::Begin(). Requires: messages of the types of `method`.
  std::function<Status(ServiceCore*, const AnyMessage&, const CallContext&, AnyMessage*,
                       RestOfCall<AnyMessage>*)>
      begin{};

  std::unique_ptr<AnyMessage> NewRequest() const;
  std::unique_ptr<AnyMessage> NewResponse() const;
};

// All rows, those of a service together.
std::vector<AnyCall> AllCalls();

}  // namespace nearhit::server
