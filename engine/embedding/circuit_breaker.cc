#include "engine/embedding/circuit_breaker.h"

#include <algorithm>

namespace nearhit {

bool CircuitBreaker::RefusesLocked(TimePoint now, Duration patience) const {
  return !IsClosed() && (patience < kLeastPatience || now < half_open_at_ || probing_);
}

bool CircuitBreaker::Refuses(TimePoint now, Duration patience) const {
  MutexLock lock(&mu_);
  return RefusesLocked(now, patience);
}

std::optional<CircuitBreaker::Call> CircuitBreaker::Admit(TimePoint now, Duration patience) {
  MutexLock lock(&mu_);
  if (RefusesLocked(now, patience)) {
    return std::nullopt;
  }
  const bool is_probe = !IsClosed();
  probing_ = probing_ || is_probe;
  return Call(this, patience, is_probe);
}

void CircuitBreaker::Report(const Call& call, Outcome outcome, TimePoint now) {
  MutexLock lock(&mu_);
  if (call.is_probe_) {
    probing_ = false;
  }
  if (outcome == Outcome::kSuccess) {
    failures_ = 0;
    pause_ = kFirstPause;
    return;
  }
  if (outcome == Outcome::kUnknown || !call.counts_) {
    return;
  }
  const bool was_closed = IsClosed();
  ++failures_;
  if (!was_closed && call.is_probe_) {
    pause_ = std::min(2 * pause_, kLongestPause);
  }
  // Calls that were on their way when it opened do not put the probe off.
  if (was_closed != IsClosed() || (!was_closed && call.is_probe_)) {
    half_open_at_ = now + pause_;
  }
}

}  // namespace nearhit
