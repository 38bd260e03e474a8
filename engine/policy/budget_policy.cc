#include "engine/policy/budget_policy.h"

#include <algorithm>

#include "engine/policy/guards.h"
#include "engine/policy/pair_features.h"
#include "engine/policy/verifier.h"

namespace nearhit {

BudgetPolicy::BudgetPolicy(float max_error, GuardSet guards)
    : least_(Verifier::Shared().LeastScore(max_error)), guards_(guards) {
}

float BudgetPolicy::LeastScore(std::optional<float> min_score) const {
  return std::max(kLeastCosine, min_score.value_or(kLeastCosine));
}

Verdict BudgetPolicy::Judge(const Evidence& evidence) const {
  if (evidence.score < LeastScore(evidence.min_score)) {
    return {.reason = MissReason::kBelowThreshold, .rule = "threshold"};
  }
  const PromptFacts asked(evidence.asked);
  const PromptFacts matched(evidence.matched);
  if (const std::optional<Guard> guard = FindConflict(asked, matched, guards_)) {
    return {.reason = MissReason::kGuarded, .rule = GuardName(*guard)};
  }
  const float score = Verifier::Shared().Score(FeaturesOf(asked, matched, evidence.score));
  return score >= least_ ? Verdict{.serve = true, .rule = "budget"}
                         : Verdict{.reason = MissReason::kOverBudget, .rule = "budget"};
}

}  // namespace nearhit
