// What every gRPC service does around a call: hand it to the pool, watch its deadline, answer.
#pragma once

#include <cstddef>
#include <utility>

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "server/core/service_core.h"
#include "server/grpc/call_messages.h"
#include "server/grpc/convert.h"

namespace nearhit::server {

inline CallContext ContextOf(const grpc::CallbackServerContext* call, std::size_t request_bytes) {
  return {.deadline = ToSteadyDeadline(call->deadline()),
          .cancelled = [call] { return call->IsCancelled(); },
          .request_bytes = request_bytes};
}

// Answers of these kinds hold what is stored, or what a model made; others are small.
template <typename Response>
inline constexpr bool kMayBeLarge = false;
template <>
inline constexpr bool kMayBeLarge<v1::LookupResponse> = true;
template <>
inline constexpr bool kMayBeLarge<v1::LookupBatchResponse> = true;
template <>
inline constexpr bool kMayBeLarge<v1::LookupStreamResponse> = true;
template <>
inline constexpr bool kMayBeLarge<v1::GetResponse> = true;
template <>
inline constexpr bool kMayBeLarge<v1::ScanResponse> = true;
template <>
inline constexpr bool kMayBeLarge<v1::SearchResponse> = true;
template <>
inline constexpr bool kMayBeLarge<v1::SearchBatchResponse> = true;
template <>
inline constexpr bool kMayBeLarge<v1::GetVectorResponse> = true;
template <>
inline constexpr bool kMayBeLarge<v1::ScanVectorsResponse> = true;
template <>
inline constexpr bool kMayBeLarge<v1::EmbedResponse> = true;

// Whether there is room for another answer.
template <typename Response>
Status CheckRoom(ServiceCore* core) {
  return kMayBeLarge<Response> ? core->answers().Check() : Status();
}

// Runs `work(const CallContext&)`, which returns a Status and fills the response, on the pool and
// finishes the call with it. gRPC keeps `call`, its request and its response until then.
template <typename Request, typename Response, typename Work>
grpc::ServerUnaryReactor* RunOnPool(ServiceCore* core, Lane lane, grpc::CallbackServerContext* call,
                                    const Request*, Response*, Work work) {
  auto* messages = CallMessages<Request, Response>::Holder::Of(call);
  grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
  const CallContext context = ContextOf(call, messages->request_bytes());
  const Status queued =
      core->Submit(lane, context, [core, context, messages, reactor, work = std::move(work)] {
        Status status = core->CheckWanted(context);
        if (status.ok()) {
          status = CheckRoom<Response>(core);
        }
        if (status.ok()) {
          status = work(context);
        }
        if (status.ok()) {
          messages->CountAnswer(&core->answers());
        }
        reactor->Finish(ToGrpcStatus(status));
      });
  if (!queued.ok()) {
    reactor->Finish(ToGrpcStatus(queued));
  }
  return reactor;
}

}  // namespace nearhit::server
