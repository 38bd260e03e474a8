// Comments in a stream whose provider is silent, so that nobody on the way to the client gives up.
#pragma once

#include <chrono>
#include <memory>
#include <string_view>

#include "net/event_loop.h"
#include "server/http/responder.h"

namespace nearhit::server {

// A block of server-sent events that says nothing.
inline constexpr std::string_view kKeepAliveComment = ": keep-alive\n\n";

// Of one stream between Start() and Stop(). Whoever writes blocks to the client writes whole ones,
// so that every moment between is one for a comment.
//
// Thread-safety: the thread of the responder's loop.
class KeepAlive final : public std::enable_shared_from_this<KeepAlive> {
 public:
  // A comment after each `interval` without a block.
  KeepAlive(std::shared_ptr<HttpResponder> responder, std::chrono::milliseconds interval);
  // Requires: the answer has begun.
  static std::shared_ptr<KeepAlive> Start(std::shared_ptr<HttpResponder> responder,
                                          std::chrono::milliseconds interval);

  // A block was written.
  void Touch() { last_ = responder_->loop()->now(); }
  // Nothing is written any more. May be called from within a write.
  void Stop();

 private:
  void Wait();
  void OnTime();

  const std::shared_ptr<HttpResponder> responder_;
  const std::chrono::milliseconds interval_;
  EventLoop::TimePoint last_;  // when something was written
  EventLoop::TimerId timer_{};
  bool stopped_ = false;
};

}  // namespace nearhit::server
