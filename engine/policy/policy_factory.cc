#include "engine/policy/policy_factory.h"

#include "engine/policy/budget_policy.h"
#include "engine/policy/guarded_policy.h"
#include "engine/policy/threshold_policy.h"
#include "engine/policy/word_table.h"

namespace nearhit {

std::shared_ptr<const ServingPolicy> MakePolicy(const NamespaceConfig& config) {
  const GuardSet guards = GuardSet::All().Without(config.guards_off);
  if (guards != GuardSet() || config.max_error > 0) {
    WordTable::Shared();  // made now, not by the first lookup
  }
  if (config.max_error > 0) {
    return std::make_shared<const BudgetPolicy>(config.max_error, guards);
  }
  if (guards == GuardSet()) {
    return std::make_shared<const ThresholdPolicy>(config.threshold);
  }
  return std::make_shared<const GuardedPolicy>(config.threshold, guards);
}

}  // namespace nearhit
