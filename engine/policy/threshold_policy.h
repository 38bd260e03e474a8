// Serves what is similar enough.
#pragma once

#include "engine/policy/serving_policy.h"

namespace nearhit {

// The threshold is the namespace's, or the caller's where that is higher.
class ThresholdPolicy final : public ServingPolicy {
 public:
  explicit ThresholdPolicy(float threshold) : threshold_(threshold) {}

  float LeastScore(std::optional<float> min_score) const override;
  std::size_t candidates() const override { return 1; }
  Verdict Judge(const Evidence& evidence) const override;

 private:
  const float threshold_;
};

}  // namespace nearhit
