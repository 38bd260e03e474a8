#include "engine/policy/guarded_policy.h"

#include <gtest/gtest.h>

namespace nearhit {
namespace {

TEST(GuardedPolicyTest, RefusesByNameWhatIsNearEnough) {
  NamespaceConfig config;
  config.threshold = .9F;
  const auto policy = GuardedPolicy::Make(config);
  const Verdict served =
      policy->Judge({.asked = "a table for 2", .matched = "a table for two", .score = .9F});
  EXPECT_TRUE(served.serve);
  EXPECT_EQ(served.rule, "threshold");
  const Verdict refused =
      policy->Judge({.asked = "a table for 2", .matched = "a table for 3", .score = .99F});
  EXPECT_FALSE(refused.serve);
  EXPECT_EQ(refused.reason, MissReason::kGuarded);
  EXPECT_EQ(refused.rule, "number");
  const Verdict far =
      policy->Judge({.asked = "a table for 2", .matched = "a table for 3", .score = .89F});
  EXPECT_EQ(far.reason, MissReason::kBelowThreshold);
  EXPECT_GT(policy->candidates(), 1U);
}

TEST(GuardedPolicyTest, IsTheThresholdAloneWhereAllGuardsAreOff) {
  NamespaceConfig config;
  config.guards_off = GuardSet::All();
  const auto policy = GuardedPolicy::Make(config);
  EXPECT_TRUE(policy->Judge({.asked = "for 2", .matched = "for 3", .score = .99F}).serve);
  EXPECT_EQ(policy->candidates(), 1U);
}

TEST(GuardedPolicyTest, AsksForWhatTheCallerWants) {
  NamespaceConfig config;
  config.threshold = .9F;
  const auto policy = GuardedPolicy::Make(config);
  EXPECT_FLOAT_EQ(policy->LeastScore({}), .9F);
  EXPECT_FLOAT_EQ(policy->LeastScore(.5F), .9F);
  EXPECT_FLOAT_EQ(policy->LeastScore(.95F), .95F);
}

}  // namespace
}  // namespace nearhit
