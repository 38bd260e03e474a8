#include "engine/policy/threshold_policy.h"

#include <algorithm>

namespace nearhit {

float ThresholdPolicy::LeastScore(std::optional<float> min_score) const {
  return std::max(threshold_, min_score.value_or(threshold_));
}

Verdict ThresholdPolicy::Judge(const Evidence& evidence) const {
  const bool near = evidence.score >= LeastScore(evidence.min_score);
  return {.serve = near,
          .reason = near ? MissReason::kNone : MissReason::kBelowThreshold,
          .rule = "threshold"};
}

}  // namespace nearhit
