#include "engine/policy/threshold_policy.h"

#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "tests/engine/policy/policy_inputs.h"

namespace nearhit {
namespace {

struct Row {
  float threshold;
  std::optional<float> min_score;
  float score;
  bool serve;
};

TEST(ThresholdPolicyTest, ServesWhatReachesTheHigherOfBothThresholds) {
  const std::vector<Row> table = {
      {.threshold = .9F, .min_score = {}, .score = .9F, .serve = true},
      {.threshold = .9F, .min_score = {}, .score = .8999F, .serve = false},
      {.threshold = .9F, .min_score = .95F, .score = .94F, .serve = false},
      {.threshold = .9F, .min_score = .95F, .score = .95F, .serve = true},
      {.threshold = .9F, .min_score = .5F, .score = .8F, .serve = false},
      {.threshold = -2, .min_score = {}, .score = -3, .serve = false},  // of a distance
      {.threshold = -2, .min_score = {}, .score = -1, .serve = true},
  };
  for (const Row& row : table) {
    NamespaceConfig config;
    config.threshold = row.threshold;
    const auto policy = std::make_shared<const ThresholdPolicy>(InputsOf(config));
    const Verdict verdict = policy->Judge(
        {.asked = "a", .matched = "b", .score = row.score, .min_score = row.min_score});
    EXPECT_EQ(verdict.serve, row.serve) << row.score << " of " << row.threshold;
    EXPECT_EQ(verdict.reason, row.serve ? MissReason::kNone : MissReason::kBelowThreshold);
    EXPECT_EQ(verdict.rule, "threshold");
    EXPECT_EQ(row.score >= policy->LeastScore(row.min_score), row.serve);
  }
}

}  // namespace
}  // namespace nearhit
