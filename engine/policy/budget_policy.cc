#include "engine/policy/budget_policy.h"

#include <algorithm>

#include "engine/policy/guards.h"
#include "engine/policy/pair_features.h"
#include "engine/policy/verifier.h"

namespace nearhit {

BudgetPolicy::BudgetPolicy(float max_error, GuardSet guards)
    : budget_(max_error, Verifier::Shared().LeastScore(max_error)), guards_(guards) {
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
  const bool serve = score >= budget_.least();
  return {.serve = serve,
          .reason = serve ? MissReason::kNone : MissReason::kOverBudget,
          .rule = "budget",
          .odds = score};
}

void BudgetPolicy::Observe(std::optional<float> odds) const {
  budget_.Observe(odds ? &*odds : nullptr);
}

}  // namespace nearhit
