#include "engine/policy/guarded_policy.h"

#include <algorithm>

#include "engine/policy/guards.h"
#include "engine/policy/threshold_policy.h"

namespace nearhit {

GuardedPolicy::GuardedPolicy(const PolicyInputs& inputs)
    : threshold_(inputs.config.threshold),
      guards_(GuardSet::All().Without(inputs.config.guards_off)),
      traffic_(inputs.traffic),
      lessons_(inputs.lessons) {
}

float GuardedPolicy::LeastScore(std::optional<float> min_score) const {
  return std::max(threshold_, min_score.value_or(threshold_));
}

Verdict GuardedPolicy::Judge(const Evidence& evidence) const {
  const Verdict verdict = JudgeByThreshold(evidence, LeastScore(evidence.min_score), *lessons_);
  if (!verdict.serve) {
    return verdict;
  }
  if (const std::optional<Guard> guard =
          FindConflict(PromptFacts(evidence.asked), PromptFacts(evidence.matched), guards_)) {
    return {.reason = MissReason::kGuarded, .rule = GuardName(*guard)};
  }
  return verdict;
}

void GuardedPolicy::Report(PolicyReport* report) const {
  ReportThreshold(threshold_, *lessons_, *traffic_, report);
}

}  // namespace nearhit
