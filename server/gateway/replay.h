// A stored stream that is sent with the pauses with which it was recorded.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "net/event_loop.h"
#include "server/gateway/stored_answer.h"
#include "server/http/responder.h"

namespace nearhit::server {

// When each event is due, after the first one. No pause is longer than kMaxReplayPause, and none is
// longer than it was.
inline constexpr std::chrono::milliseconds kMaxReplayPause{5'000};
std::vector<std::chrono::milliseconds> ReplayTimes(std::span<const StoredEvent> events);

// Owns the bytes. It keeps itself alive by its timer, or by what its client has not taken, until
// the stream has ended or the client has gone. A client that was slow gets at once what is due.
//
// Thread-safety: the thread of the responder's loop.
class Replay final : public std::enable_shared_from_this<Replay> {
 public:
  // What a client has not taken, before the replay waits for it.
  static constexpr std::size_t kMaxUnsentBytes = std::size_t{64} << 10;

  struct Step {
    std::size_t end = 0;                 // of the event, in all bytes
    std::chrono::milliseconds due = {};  // after Start()
  };

  // `steps` in order; the last one ends where `bytes` do.
  Replay(std::shared_ptr<HttpResponder> responder, std::string bytes, std::vector<Step> steps);

  // Requires: the answer has begun.
  void Start();

 private:
  // Sends what is due, and waits for the rest.
  void Go();
  // Up to kMaxUnsentBytes and an event.
  void SendDue(EventLoop::TimePoint now);
  bool IsDue(EventLoop::TimePoint now) const;

  const std::shared_ptr<HttpResponder> responder_;
  const std::string bytes_;
  const std::vector<Step> steps_;
  EventLoop::TimePoint begun_{};
  std::size_t next_ = 0;  // step
  std::size_t sent_ = 0;  // bytes
  EventLoop::TimerId timer_{};
};

}  // namespace nearhit::server
