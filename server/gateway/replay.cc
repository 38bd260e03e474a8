#include "server/gateway/replay.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace nearhit::server {

std::vector<std::chrono::milliseconds> ReplayTimes(std::span<const StoredEvent> events) {
  std::vector<std::chrono::milliseconds> times;
  times.reserve(events.size());
  for (const StoredEvent& event : events) {
    const std::chrono::milliseconds pause(event.delay_ms);
    times.push_back(times.empty() ? std::chrono::milliseconds(0)
                                  : times.back() + std::min(pause, kMaxReplayPause));
  }
  return times;
}

Replay::Replay(std::shared_ptr<HttpResponder> responder, std::string bytes, std::vector<Step> steps)
    : responder_(std::move(responder)), bytes_(std::move(bytes)), steps_(std::move(steps)) {
}

void Replay::Start() {
  begun_ = std::chrono::steady_clock::now();
  responder_->SetGone([weak = weak_from_this()] {
    if (const std::shared_ptr<Replay> self = weak.lock()) {
      self->responder_->loop()->Cancel(self->timer_);
    }
  });
  Go();
}

void Replay::Go() {
  const EventLoop::TimePoint now = std::chrono::steady_clock::now();
  while (IsDue(now) && responder_->unsent() < kMaxUnsentBytes && !responder_->gone()) {
    SendDue(now);
  }
  if (responder_->gone()) {
    return;
  }
  if (next_ == steps_.size()) {
    responder_->End({});
  } else if (IsDue(now)) {
    responder_->SetDrained([self = shared_from_this()] { self->Go(); });
  } else {
    timer_ = responder_->loop()->At(begun_ + steps_[next_].due,
                                    [self = shared_from_this()] { self->Go(); });
  }
}

void Replay::SendDue(EventLoop::TimePoint now) {
  const std::size_t begin = sent_;
  while (IsDue(now) && sent_ - begin < kMaxUnsentBytes) {
    sent_ = steps_[next_].end;
    ++next_;
  }
  responder_->Write(std::string_view(bytes_).substr(begin, sent_ - begin));
}

bool Replay::IsDue(EventLoop::TimePoint now) const {
  return next_ < steps_.size() && begun_ + steps_[next_].due <= now;
}

}  // namespace nearhit::server
