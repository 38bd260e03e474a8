#include "engine/embedding/circuit_breaker.h"

#include <algorithm>

namespace nearhit {

std::optional<CircuitBreaker::Ticket> CircuitBreaker::Admit(TimePoint now, Duration patience) {
  MutexLock lock(&mu_);
  if (failures_ < kFailuresToOpen) {
    return Ticket{.patience = patience, .is_try = false};
  }
  if (trying_ || (now < next_try_ && patience < 2 * failed_patience_)) {
    return std::nullopt;
  }
  trying_ = true;
  return Ticket{.patience = patience, .is_try = true};
}

void CircuitBreaker::Report(const Ticket& ticket, Outcome outcome, TimePoint now) {
  MutexLock lock(&mu_);
  if (ticket.is_try) {
    trying_ = false;
  }
  if (outcome == Outcome::kSuccess) {
    failures_ = 0;
    failed_patience_ = Duration::zero();
    pause_ = kFirstPause;
  } else if (outcome == Outcome::kFailure) {
    ++failures_;
    failed_patience_ = std::max(failed_patience_, ticket.patience);
    if (ticket.is_try) {
      pause_ = std::min(2 * pause_, kLongestPause);
    }
    // Calls that were on their way when it opened do not put the next try off.
    if (ticket.is_try || failures_ == kFailuresToOpen) {
      next_try_ = now + pause_;
    }
  }
}

CircuitBreaker::Duration CircuitBreaker::PauseLeft(TimePoint now) const {
  MutexLock lock(&mu_);
  return failures_ < kFailuresToOpen ? Duration::zero()
                                     : std::max(Duration::zero(), next_try_ - now);
}

}  // namespace nearhit
