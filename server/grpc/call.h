// What every gRPC service does around a unary call: begin it, hand the rest to the pool, watch its
// deadline, answer.
#pragma once

#include <cstddef>
#include <utility>

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "server/calls/call.h"
#include "server/grpc/call_messages.h"
#include "server/grpc/status.h"

namespace nearhit::server {

inline CallContext ContextOf(const grpc::CallbackServerContext* call, std::size_t request_bytes) {
  return {.deadline = ToSteadyDeadline(call->deadline()),
          .cancelled = [call] { return call->IsCancelled(); },
          .request_bytes = request_bytes};
}

// Finishes a call; gRPC keeps it, its request and its response until then.
template <typename Messages>
void FinishCall(ServiceCore* core, const Status& status, Messages* messages,
                grpc::ServerUnaryReactor* reactor) {
  if (status.ok()) {
    messages->CountAnswer(&core->answers());
  }
  reactor->Finish(ToGrpcStatus(status));
}

// Makes `call`, whose request is parsed. What need not wait is done on gRPC's thread, everything
// else on the pool.
template <typename Request, typename Response>
grpc::ServerUnaryReactor* MakeCall(ServiceCore* core, const UnaryCall<Request, Response>& call,
                                   grpc::CallbackServerContext* wire_call) {
  auto* messages = CallMessages<Request, Response>::Holder::Of(wire_call);
  grpc::ServerUnaryReactor* reactor = wire_call->DefaultReactor();
  const CallContext context = ContextOf(wire_call, messages->request_bytes());
  RestOfCall<Response> rest;
  Status status = CheckRoom<Response>(core);
  if (status.ok()) {
    status = call.Begin(core, *messages->parsed(), context, messages->response(), &rest);
  }
  if (status.code() == StatusCode::kWouldBlock) {
    status = core->Submit(rest.lane, context,
                          [core, context, messages, reactor, run = std::move(rest.run)] {
                            Status done = core->CheckWanted(context);
                            if (done.ok()) {
                              done = CheckRoom<Response>(core);
                            }
                            if (done.ok()) {
                              done = run(context, messages->response());
                            }
                            FinishCall(core, done, messages, reactor);
                          });
    if (status.ok()) {
      return reactor;
    }
  }
  FinishCall(core, status, messages, reactor);
  return reactor;
}

}  // namespace nearhit::server
