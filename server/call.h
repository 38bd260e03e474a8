// What every service does around a call: hand it to the pool, watch its deadline, answer.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "nearhit/database.h"
#include "server/convert.h"
#include "server/worker_pool.h"

namespace nearhit::server {

// What the services share. Outlives them and every call.
struct ServiceContext {
  Database* db = nullptr;
  WorkerPool* pool = nullptr;
  bool allow_embedder_keys = false;
  std::string model_folder;  // server/model_folder.h; empty: none
  std::atomic<std::uint64_t> expired_calls{0};
};

inline Status QueueFull() {
  return ResourceExhausted("the server's queue is full; retry with backoff");
}

// Why the work for a call should not be begun any more, or OK.
inline Status CheckStillWanted(ServiceContext* context, const grpc::ServerContextBase& call,
                               TimePoint deadline) {
  if (std::chrono::steady_clock::now() >= deadline) {
    context->expired_calls.fetch_add(1, std::memory_order_relaxed);
    return DeadlineExceeded("the deadline passed while the call was queued");
  }
  if (call.IsCancelled()) {
    return Status(StatusCode::kCancelled, "the call was cancelled");
  }
  return Status();
}

// Runs `work(deadline)`, which returns a Status, on the pool and finishes the call with it. gRPC
// keeps `call`, its request and its response until then.
template <typename Work>
grpc::ServerUnaryReactor* RunOnPool(ServiceContext* context, Lane lane,
                                    grpc::CallbackServerContext* call, Work work) {
  grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
  const TimePoint deadline = ToSteadyDeadline(call->deadline());
  const bool queued = context->pool->Submit(
      lane, deadline, [context, call, reactor, deadline, work = std::move(work)] {
        Status status = CheckStillWanted(context, *call, deadline);
        if (status.ok()) {
          status = work(deadline);
        }
        reactor->Finish(ToGrpcStatus(status));
      });
  if (!queued) {
    reactor->Finish(ToGrpcStatus(QueueFull()));
  }
  return reactor;
}

}  // namespace nearhit::server
