#include "server/gateway/keep_alive.h"

#include <utility>

namespace nearhit::server {

KeepAlive::KeepAlive(std::shared_ptr<HttpResponder> responder, std::chrono::milliseconds interval)
    : responder_(std::move(responder)), interval_(interval), last_(responder_->loop()->now()) {
}

std::shared_ptr<KeepAlive> KeepAlive::Start(std::shared_ptr<HttpResponder> responder,
                                            std::chrono::milliseconds interval) {
  auto keep_alive = std::make_shared<KeepAlive>(std::move(responder), interval);
  keep_alive->Wait();
  return keep_alive;
}

void KeepAlive::Stop() {
  stopped_ = true;
  responder_->loop()->Cancel(timer_);
}

void KeepAlive::Wait() {
  timer_ = responder_->loop()->At(last_ + interval_, [weak = weak_from_this()] {
    if (const std::shared_ptr<KeepAlive> self = weak.lock()) {
      self->OnTime();
    }
  });
}

void KeepAlive::OnTime() {
  const EventLoop::TimePoint now = responder_->loop()->now();
  if (now >= last_ + interval_) {
    last_ = now;
    if (responder_->unsent() == 0) {  // a client that is slow is not idle
      responder_->Write(kKeepAliveComment);
    }
  }
  if (!stopped_ && !responder_->gone()) {
    Wait();
  }
}

}  // namespace nearhit::server
