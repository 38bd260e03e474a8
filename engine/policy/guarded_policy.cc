#include "engine/policy/guarded_policy.h"

#include <algorithm>

#include "engine/policy/guards.h"

namespace nearhit {

float GuardedPolicy::LeastScore(std::optional<float> min_score) const {
  return std::max(threshold_, min_score.value_or(threshold_));
}

Verdict GuardedPolicy::Judge(const Evidence& evidence) const {
  if (evidence.score < LeastScore(evidence.min_score)) {
    return {.reason = MissReason::kBelowThreshold, .rule = "threshold"};
  }
  if (const std::optional<Guard> guard =
          FindConflict(PromptFacts(evidence.asked), PromptFacts(evidence.matched), guards_)) {
    return {.reason = MissReason::kGuarded, .rule = GuardName(*guard)};
  }
  return {.serve = true, .rule = "threshold"};
}

}  // namespace nearhit
