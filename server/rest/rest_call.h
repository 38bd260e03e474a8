// One call over HTTP, from its request to its answer.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "server/calls/any_call.h"
#include "server/core/answer_budget.h"
#include "server/core/service_core.h"
#include "server/http/responder.h"

namespace nearhit::server {

// Begins on the loop's thread, and what may wait, or takes long, goes on by a worker: reading a
// large body, the rest of the call, writing a large answer.
//
// Thread-safety: one thread at a time, which hands it on.
class RestCall final : public std::enable_shared_from_this<RestCall> {
 public:
  // `core` must outlive it.
  RestCall(ServiceCore* core, AnyCall call, std::string body, TimePoint deadline,
           std::shared_ptr<HttpResponder> responder);
  ~RestCall() = default;
  RestCall(const RestCall&) = delete;
  RestCall& operator=(const RestCall&) = delete;

  // Once, on the loop's thread.
  void Start();

 private:
  void Submit(Lane lane, void (RestCall::*step)());
  void Begin();
  void Run();
  void Finish(const Status& status);
  void WriteAnswer();
  void Reply(int status, std::string body);
  void Send();

  ServiceCore* const core_;
  const AnyCall call_;
  const std::shared_ptr<HttpResponder> responder_;
  const std::shared_ptr<EventLoop> loop_;
  const std::shared_ptr<std::atomic<bool>> gone_;  // the client
  const CallContext context_;
  bool on_loop_ = true;
  std::string body_;
  std::unique_ptr<AnyMessage> request_;
  std::unique_ptr<AnyMessage> response_;
  RestOfCall<AnyMessage> rest_;
  int status_ = 0;
  std::string answer_;
  HeldBytes held_;
};

}  // namespace nearhit::server
