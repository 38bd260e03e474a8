// Serves where the expected share of wrong answers stays under what the user accepts.
#pragma once

#include "engine/policy/serving_policy.h"
#include "engine/policy/traffic_budget.h"
#include "nearhit/guard.h"

namespace nearhit {

// What the guards let through is scored by the Verifier. `max_error` is a share of all requests,
// misses included, as the users of a cache see it. The calibration is that of the questions that
// the verifier was fitted on, with a one-sided bound; TrafficBudget makes it stricter where more
// requests have something near.
class BudgetPolicy final : public ServingPolicy {
 public:
  // Under this similarity nothing was ever worth serving.
  static constexpr float kLeastCosine = 0.8F;

  BudgetPolicy(float max_error, GuardSet guards);

  float LeastScore(std::optional<float> min_score) const override;
  std::size_t candidates() const override { return 3; }
  // Cost: some microseconds, for the facts of both texts.
  Verdict Judge(const Evidence& evidence) const override;
  void Observe(std::optional<float> odds) const override;

 private:
  mutable TrafficBudget budget_;
  const GuardSet guards_;
};

}  // namespace nearhit
