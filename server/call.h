// What every service does around a call: hand it to the pool, watch its deadline, answer.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "nearhit/database.h"
#include "server/answer_budget.h"
#include "server/call_messages.h"
#include "server/convert.h"
#include "server/stream_set.h"
#include "server/worker_pool.h"

namespace nearhit::server {

// What the services share. Outlives them and every call.
struct ServiceContext {
  // `answer_bytes`: that clients may leave unread.
  explicit ServiceContext(std::size_t answer_bytes) : answers(answer_bytes) {}

  Database* db = nullptr;
  WorkerPool* pool = nullptr;
  bool allow_embedder_keys = false;
  std::string model_folder;  // server/model_folder.h; empty: none
  std::size_t max_message_bytes = kMaxResultBytes;
  AnswerBudget answers;
  StreamSet streams;
  std::atomic<std::uint64_t> expired_calls{0};
};

inline Status QueueFull() {
  return ResourceExhausted("the server's queue is full; retry with backoff");
}

// Why the work for a call should not be begun, or not go on, or OK.
inline Status CheckStillWanted(ServiceContext* context, const grpc::ServerContextBase& call,
                               TimePoint deadline) {
  if (std::chrono::steady_clock::now() >= deadline) {
    context->expired_calls.fetch_add(1, std::memory_order_relaxed);
    return DeadlineExceeded("the deadline passed before the call was done");
  }
  if (call.IsCancelled()) {
    return Status(StatusCode::kCancelled, "the call was cancelled");
  }
  return Status();
}

// For work in many parts: asked in between, ends it when nobody waits for its answer.
inline std::function<Status()> StillWanted(ServiceContext* context,
                                           const grpc::CallbackServerContext* call,
                                           TimePoint deadline) {
  return [context, call, deadline] { return CheckStillWanted(context, *call, deadline); };
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
Status CheckRoom(const ServiceContext& context) {
  return kMayBeLarge<Response> ? context.answers.Check() : Status();
}

// Runs `work(deadline)`, which returns a Status and fills the response, on the pool and finishes
// the call with it. gRPC keeps `call`, its request and its response until then.
template <typename Request, typename Response, typename Work>
grpc::ServerUnaryReactor* RunOnPool(ServiceContext* context, Lane lane,
                                    grpc::CallbackServerContext* call, const Request*, Response*,
                                    Work work) {
  auto* messages = CallMessages<Request, Response>::Holder::Of(call);
  grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
  const TimePoint deadline = ToSteadyDeadline(call->deadline());
  WorkerPool::Job job;
  job.run = [context, call, messages, reactor, deadline, work = std::move(work)] {
    Status status = CheckStillWanted(context, *call, deadline);
    if (status.ok()) {
      status = CheckRoom<Response>(*context);
    }
    if (status.ok()) {
      status = work(deadline);
    }
    if (status.ok()) {
      messages->CountAnswer(&context->answers);
    }
    reactor->Finish(ToGrpcStatus(status));
  };
  job.deadline = deadline;
  job.bytes = messages->request_bytes();
  job.cancelled = [call] { return call->IsCancelled(); };
  if (!context->pool->Submit(lane, std::move(job))) {
    reactor->Finish(ToGrpcStatus(QueueFull()));
  }
  return reactor;
}

}  // namespace nearhit::server
