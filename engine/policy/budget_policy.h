// Serves where the expected share of wrong answers stays under what the user accepts.
#pragma once

#include <atomic>
#include <memory>

#include "engine/policy/serving_policy.h"
#include "nearhit/guard.h"

namespace nearhit {

// What the guards let through is scored by the Verifier, or by the one that labels have fitted.
// `max_error` is a share of all requests, misses included, as the users of a cache see it. Where
// the namespace's labels prove a score, that is the least one. Else it is that of the built-in
// calibration, a one-sided bound on the questions that the verifier was fitted on: stricter where
// the traffic has more requests with something near, or where labels disprove it.
class BudgetPolicy final : public ServingPolicy {
 public:
  // Under the first nothing was ever worth serving. Without labels, under the second.
  static constexpr float kLeastCosine = 0.7F;
  static constexpr float kLeastCalibrated = 0.8F;

  explicit BudgetPolicy(const PolicyInputs& inputs);

  float LeastScore(std::optional<float> min_score) const override;
  std::size_t candidates() const override { return 3; }
  // Cost: some microseconds, for the facts of both texts.
  Verdict Judge(const Evidence& evidence) const override;
  void FollowTraffic() const override;
  void Report(PolicyReport* report) const override;

 private:
  struct Bound {
    float least_odds = 0;
    bool proven = false;  // by labels
  };
  // Of this budget or another, with the traffic as it is.
  Bound BoundFor(float max_error) const;

  const float max_error_;
  const GuardSet guards_;
  const std::shared_ptr<const Traffic> traffic_;
  const std::shared_ptr<const Lessons> lessons_;
  mutable std::atomic<float> least_odds_{0};
  mutable std::atomic<bool> proven_{false};
};

}  // namespace nearhit
