// Serves what is similar enough, unless a guard refuses it.
#pragma once

#include <memory>

#include "engine/policy/serving_policy.h"
#include "nearhit/guard.h"

namespace nearhit {

// The threshold is the namespace's, or the caller's where that is higher. An entry that labels have
// found wrong for some prompts needs more similarity: as much as the verifier gives for it.
class GuardedPolicy final : public ServingPolicy {
 public:
  explicit GuardedPolicy(const PolicyInputs& inputs);

  float LeastScore(std::optional<float> min_score) const override;
  // The next nearest may say the same where the nearest differs in a number.
  std::size_t candidates() const override { return 3; }
  // Cost: some microseconds, for the facts of both texts.
  Verdict Judge(const Evidence& evidence) const override;
  void Report(PolicyReport* report) const override;

 private:
  const float threshold_;
  const GuardSet guards_;
  const std::shared_ptr<const Traffic> traffic_;
  const std::shared_ptr<const Lessons> lessons_;
};

}  // namespace nearhit
