#include "engine/policy/policy_factory.h"

#include "engine/policy/budget_policy.h"
#include "engine/policy/guarded_policy.h"
#include "engine/policy/threshold_policy.h"
#include "engine/policy/word_table.h"

namespace nearhit {

std::shared_ptr<const ServingPolicy> MakePolicy(const PolicyInputs& inputs) {
  const bool guarded = inputs.config.guards_off != GuardSet::All();
  if (guarded || inputs.config.max_error > 0) {
    WordTable::Shared();  // made now, not by the first lookup
  }
  if (inputs.config.max_error > 0) {
    return std::make_shared<const BudgetPolicy>(inputs);
  }
  if (guarded) {
    return std::make_shared<const GuardedPolicy>(inputs);
  }
  return std::make_shared<const ThresholdPolicy>(inputs);
}

}  // namespace nearhit
