#include "engine/embedding/circuit_breaker.h"

#include <algorithm>

namespace nearhit {

CircuitBreaker::Verdict CircuitBreaker::JudgeLocked(TimePoint now, Duration patience) const {
  if (failures_ < kFailuresToOpen) {
    return Verdict::kCall;
  }
  if (patience < kLeastPatience) {
    return Verdict::kRefused;
  }
  if (patience >= 2 * failed_patience_) {
    return Verdict::kCall;
  }
  const bool too_early =
      now < next_try_ || (now < next_hurried_try_ && patience < 2 * hurried_patience_);
  return too_early || patience < 2 * trying_ ? Verdict::kRefused : Verdict::kTry;
}

std::optional<CircuitBreaker::Call> CircuitBreaker::Admit(TimePoint now, Duration patience) {
  MutexLock lock(&mu_);
  const Verdict verdict = JudgeLocked(now, patience);
  if (verdict == Verdict::kRefused) {
    return std::nullopt;
  }
  if (verdict == Verdict::kTry) {
    trying_ = patience;
  }
  return Call(this, patience, verdict == Verdict::kTry);
}

bool CircuitBreaker::Refuses(TimePoint now, Duration patience) const {
  MutexLock lock(&mu_);
  return JudgeLocked(now, patience) == Verdict::kRefused;
}

void CircuitBreaker::Report(const Call& call, Outcome outcome, TimePoint now) {
  MutexLock lock(&mu_);
  if (call.is_try_ && trying_ == call.patience_) {  // or a longer one has taken its place
    trying_ = Duration::zero();
  }
  if (outcome == Outcome::kSuccess) {
    failures_ = 0;
    failed_patience_ = Duration::zero();
    pause_ = kFirstPause;
    next_hurried_try_ = TimePoint();
    return;
  }
  if (outcome == Outcome::kUnknown || call.patience_ < kLeastPatience) {
    return;
  }
  ++failures_;
  if (call.is_try_ && 2 * call.patience_ <= failed_patience_) {
    next_hurried_try_ = now + kFirstPause;
    hurried_patience_ = call.patience_;
    return;
  }
  failed_patience_ = std::max(failed_patience_, call.patience_);
  if (call.is_try_) {
    pause_ = std::min(2 * pause_, kLongestPause);
  }
  // Calls that were on their way when it opened do not put the next try off.
  if (call.is_try_ || failures_ == kFailuresToOpen) {
    next_try_ = now + pause_;
  }
}

}  // namespace nearhit
