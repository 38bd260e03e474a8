#pragma once

#include <chrono>
#include <optional>

#include "base/mutex.h"
#include "base/thread_annotations.h"

namespace nearhit {

// Keeps callers from waiting, one after the other, for a service that does not answer: after some
// failures in a row calls fail at once, but for one at a time that tries again, after pauses that
// double (the circuit breaker of Nygard, "Release It!", 2007).
//
// A call that may wait for twice as long as those that failed is a try, whenever it comes: the
// service may be slow rather than down, and callers in a hurry must not stop those who have time.
//
// Thread-safety: thread-safe; a mutex for a few assignments.
class CircuitBreaker {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  static constexpr int kFailuresToOpen = 5;
  static constexpr Duration kFirstPause = std::chrono::seconds(1);
  static constexpr Duration kLongestPause = std::chrono::seconds(30);

  enum class Outcome {
    kSuccess,  // the service answered, whatever it said of the call
    kFailure,
    kUnknown,  // the call ended for a reason of its own
  };
  // Of a call that goes out; given back with its outcome.
  struct Ticket {
    Duration patience;
    bool is_try;
  };

  // For a call that may wait for `patience`; nothing: it fails now.
  std::optional<Ticket> Admit(TimePoint now, Duration patience) EXCLUDES(mu_);
  void Report(const Ticket& ticket, Outcome outcome, TimePoint now) EXCLUDES(mu_);

  // Until any call is let through; 0 when one would be, or is on its way.
  Duration PauseLeft(TimePoint now) const EXCLUDES(mu_);

 private:
  mutable Mutex mu_;
  int failures_ GUARDED_BY(mu_) = 0;                             // since the last success
  Duration failed_patience_ GUARDED_BY(mu_) = Duration::zero();  // the longest of them
  Duration pause_ GUARDED_BY(mu_) = kFirstPause;
  TimePoint next_try_ GUARDED_BY(mu_);
  bool trying_ GUARDED_BY(mu_) = false;
};

}  // namespace nearhit
