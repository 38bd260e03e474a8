// Serves what is similar enough.
#pragma once

#include <memory>

#include "engine/policy/serving_policy.h"

namespace nearhit {

// The threshold is the namespace's, or the caller's where that is higher. An entry that labels have
// found wrong for some prompts needs more similarity: as much as the verifier gives for it.
class ThresholdPolicy final : public ServingPolicy {
 public:
  explicit ThresholdPolicy(const PolicyInputs& inputs)
      : threshold_(inputs.config.threshold), traffic_(inputs.traffic), lessons_(inputs.lessons) {}

  float LeastScore(std::optional<float> min_score) const override;
  std::size_t candidates() const override { return 1; }
  Verdict Judge(const Evidence& evidence) const override;
  void Report(PolicyReport* report) const override;

 private:
  const float threshold_;
  const std::shared_ptr<const Traffic> traffic_;
  const std::shared_ptr<const Lessons> lessons_;
};

// What all policies with a threshold have in common.
Verdict JudgeByThreshold(const Evidence& evidence, float threshold, const Lessons& lessons);
void ReportThreshold(float threshold, const Lessons& lessons, const Traffic& traffic,
                     PolicyReport* report);

}  // namespace nearhit
