#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/mutex.h"
#include "base/thread_annotations.h"

namespace nearhit {

// Keeps callers from waiting, one after the other, for a service that does not answer (the circuit
// breaker of Nygard, "Release It!", 2007).
//
//   state       Admit                                  the next state
//   closed      lets all calls out                     open: kFailuresToOpen in a row have failed
//   open        refuses them                           half-open: the pause is over
//   half-open   lets one out, the probe, and refuses   closed: the probe succeeds
//               the others until it ends               open, for twice as long: it fails
//
// A success closes it in any state, that of a call which went out through Enter, too. A call that
// may wait for less than kLeastPatience says nothing of the service when it fails: it does not
// count, and it is no probe.
//
// Thread-safety: thread-safe; a mutex for a few assignments.
class CircuitBreaker {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  static constexpr int kFailuresToOpen = 5;
  static constexpr Duration kFirstPause = std::chrono::seconds(1);
  static constexpr Duration kLongestPause = std::chrono::seconds(10);
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
          counts_(other.counts_),
          is_probe_(other.is_probe_) {}
    Call& operator=(Call&&) = delete;

    // Once.
    void Report(Outcome outcome, TimePoint now) {
      std::exchange(breaker_, nullptr)->Report(*this, outcome, now);
    }

   private:
    friend CircuitBreaker;
    Call(CircuitBreaker* breaker, Duration patience, bool is_probe)
        : breaker_(breaker), counts_(patience >= kLeastPatience), is_probe_(is_probe) {}

    CircuitBreaker* breaker_;
    bool counts_;
    bool is_probe_;
  };

  // For a call that may wait for `patience` and is refused rather than wait in vain.
  std::optional<Call> Admit(TimePoint now, Duration patience) NEARHIT_EXCLUDES(mu_);
  // For a call that goes out in any case. What becomes of it counts like the others.
  Call Enter(Duration patience) { return {this, patience, /*is_probe=*/false}; }
  // Whether Admit would refuse.
  bool Refuses(TimePoint now, Duration patience) const NEARHIT_EXCLUDES(mu_);

 private:
  bool IsClosed() const NEARHIT_REQUIRES(mu_) { return failures_ < kFailuresToOpen; }
  bool RefusesLocked(TimePoint now, Duration patience) const NEARHIT_REQUIRES(mu_);
  void Report(const Call& call, Outcome outcome, TimePoint now) NEARHIT_EXCLUDES(mu_);

  mutable Mutex mu_;
  int failures_ NEARHIT_GUARDED_BY(mu_) = 0;  // since the last success
  Duration pause_ NEARHIT_GUARDED_BY(mu_) = kFirstPause;
  TimePoint half_open_at_ NEARHIT_GUARDED_BY(mu_);
  bool probing_ NEARHIT_GUARDED_BY(mu_) = false;  // the probe has not ended
};

}  // namespace nearhit
