// Serves where the expected share of wrong answers stays under what the user accepts.
#pragma once

#include "engine/policy/serving_policy.h"
#include "nearhit/guard.h"

namespace nearhit {

// What the guards let through is scored by the Verifier. `max_error` is a share of all requests,
// misses included, as the users of a cache see it. The calibration is that of the questions that
// the verifier was fitted on, with a one-sided bound: other traffic may differ.
class BudgetPolicy final : public ServingPolicy {
 public:
  // Under this similarity nothing was ever worth serving.
  static constexpr float kLeastCosine = 0.8F;

  BudgetPolicy(float max_error, GuardSet guards);

  float LeastScore(std::optional<float> min_score) const override;
  std::size_t candidates() const override { return 3; }
  // Cost: some microseconds, for the facts of both texts.
  Verdict Judge(const Evidence& evidence) const override;

 private:
  const float least_;  // of the verifier's scores
  const GuardSet guards_;
};

}  // namespace nearhit
