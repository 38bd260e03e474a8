#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/mutex.h"
#include "base/thread_annotations.h"

namespace nearhit {

// Keeps callers from waiting, one after the other, for a service that does not answer: after some
// failures in a row calls are refused, but for one at a time that tries again, after pauses that
// double (the circuit breaker of Nygard, "Release It!", 2007).
//
// A service may be slow rather than down, and callers in a hurry do not speak for those who have
// time: a call that may wait for twice as long as all that failed is not refused, one of twice the
// patience of the try under way is a try as well, and a try in a hurry that fails puts off only
// those like it.
//
// Thread-safety: thread-safe; a mutex for a few assignments.
class CircuitBreaker {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  static constexpr int kFailuresToOpen = 5;
  static constexpr Duration kFirstPause = std::chrono::seconds(1);
  static constexpr Duration kLongestPause = std::chrono::seconds(10);
  // A call that waits for less says nothing of the service when it fails, and is no try.
  static constexpr Duration kLeastPatience = std::chrono::milliseconds(100);

  enum class Outcome : std::uint8_t {
    kSuccess,
    kFailure,
    kUnknown,  // the call ended for a reason of its own
  };

  // One that goes out. Its end is of unknown outcome unless it was reported. Within the breaker's
  // life.
  class Call {
   public:
    ~Call() {
      if (breaker_ != nullptr) {
        Report(Outcome::kUnknown, TimePoint());
      }
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    Call(Call&& other) noexcept
        : breaker_(std::exchange(other.breaker_, nullptr)),
          patience_(other.patience_),
          is_try_(other.is_try_) {}
    Call& operator=(Call&&) = delete;

    // Once.
    void Report(Outcome outcome, TimePoint now) {
      std::exchange(breaker_, nullptr)->Report(*this, outcome, now);
    }

   private:
    friend CircuitBreaker;
    Call(CircuitBreaker* breaker, Duration patience, bool is_try)
        : breaker_(breaker), patience_(patience), is_try_(is_try) {}

    CircuitBreaker* breaker_;
    Duration patience_;
    bool is_try_;
  };

  // For a call that may wait for `patience` and is refused rather than wait in vain.
  std::optional<Call> Admit(TimePoint now, Duration patience) NEARHIT_EXCLUDES(mu_);
  // For a call that goes out in any case. What becomes of it counts like the others.
  Call Enter(Duration patience) { return {this, patience, /*is_try=*/false}; }
  // Whether Admit would refuse.
  bool Refuses(TimePoint now, Duration patience) const NEARHIT_EXCLUDES(mu_);

 private:
  enum class Verdict : std::uint8_t { kCall, kTry, kRefused };

  Verdict JudgeLocked(TimePoint now, Duration patience) const NEARHIT_REQUIRES(mu_);
  void Report(const Call& call, Outcome outcome, TimePoint now) NEARHIT_EXCLUDES(mu_);

  mutable Mutex mu_;
  int failures_ NEARHIT_GUARDED_BY(mu_) = 0;               // since the last success
  Duration failed_patience_ NEARHIT_GUARDED_BY(mu_) = {};  // the longest of them
  Duration pause_ NEARHIT_GUARDED_BY(mu_) = kFirstPause;
  TimePoint next_try_ NEARHIT_GUARDED_BY(mu_);
  Duration trying_ NEARHIT_GUARDED_BY(mu_) = {};  // patience of the longest try under way; 0: none
  TimePoint next_hurried_try_ NEARHIT_GUARDED_BY(mu_);
  Duration hurried_patience_ NEARHIT_GUARDED_BY(mu_) = {};  // of the last such try
};

}  // namespace nearhit
