#include "engine/policy/policy_factory.h"

#include <gtest/gtest.h>

#include "tests/engine/policy/policy_inputs.h"

namespace nearhit {
namespace {

TEST(GuardedPolicyTest, RefusesByNameWhatIsNearEnough) {
  NamespaceConfig config;
  config.threshold = .9F;
  const auto policy = MakePolicy(InputsOf(config));
  const Verdict served = policy->Judge(
      {.asked = "a table for 2", .matched = "a table for two", .score = .9F, .min_score = {}});
  EXPECT_TRUE(served.serve);
  EXPECT_EQ(served.rule, "threshold");
  const Verdict refused = policy->Judge(
      {.asked = "a table for 2", .matched = "a table for 3", .score = .99F, .min_score = {}});
  EXPECT_FALSE(refused.serve);
  EXPECT_EQ(refused.reason, MissReason::kGuarded);
  EXPECT_EQ(refused.rule, "number");
  const Verdict far = policy->Judge(
      {.asked = "a table for 2", .matched = "a table for 3", .score = .89F, .min_score = {}});
  EXPECT_EQ(far.reason, MissReason::kBelowThreshold);
  EXPECT_GT(policy->candidates(), 1U);
}

TEST(GuardedPolicyTest, IsTheThresholdAloneWhereAllGuardsAreOff) {
  NamespaceConfig config;
  config.guards_off = GuardSet::All();
  const auto policy = MakePolicy(InputsOf(config));
  EXPECT_TRUE(
      policy->Judge({.asked = "for 2", .matched = "for 3", .score = .99F, .min_score = {}}).serve);
  EXPECT_EQ(policy->candidates(), 1U);
}

TEST(GuardedPolicyTest, AsksForWhatTheCallerWants) {
  NamespaceConfig config;
  config.threshold = .9F;
  const auto policy = MakePolicy(InputsOf(config));
  EXPECT_FLOAT_EQ(policy->LeastScore({}), .9F);
  EXPECT_FLOAT_EQ(policy->LeastScore(.5F), .9F);
  EXPECT_FLOAT_EQ(policy->LeastScore(.95F), .95F);
}

TEST(BudgetPolicyTest, ServesWhatIsLikelyEnoughToBeRight) {
  NamespaceConfig config;
  config.max_error = .01F;
  const auto policy = MakePolicy(InputsOf(config));
  const auto judge = [&](std::string_view asked, std::string_view matched, float score) {
    return policy->Judge({.asked = asked, .matched = matched, .score = score, .min_score = {}});
  };
  const Verdict served = judge("How can I reset my password?", "How do I reset my password?", .98F);
  EXPECT_TRUE(served.serve);
  EXPECT_EQ(served.rule, "budget");
  const Verdict unlikely =
      judge("How can I reset my password?", "Why do banks close accounts?", .85F);
  EXPECT_EQ(unlikely.reason, MissReason::kOverBudget);
  EXPECT_EQ(unlikely.rule, "budget");
  const Verdict guarded = judge("a table for 2", "a table for 3", .99F);
  EXPECT_EQ(guarded.reason, MissReason::kGuarded);
  EXPECT_EQ(judge("a b", "a c", .69F).reason, MissReason::kBelowThreshold);
  EXPECT_FLOAT_EQ(policy->LeastScore(.9F), .9F);
  EXPECT_FLOAT_EQ(policy->LeastScore(.1F), .7F);
}

TEST(BudgetPolicyTest, AHigherBudgetServesNoLess) {
  const std::string_view asked = "What is the best way to learn to cook?";
  const std::string_view matched = "How do I learn cooking?";
  bool served = false;
  for (const float max_error : {.0025F, .005F, .01F, .02F, .05F, .1F}) {
    NamespaceConfig config;
    config.max_error = max_error;
    const bool serves =
        MakePolicy(InputsOf(config))
            ->Judge({.asked = asked, .matched = matched, .score = .9F, .min_score = {}})
            .serve;
    EXPECT_TRUE(serves || !served) << max_error;
    served = served || serves;
  }
  EXPECT_TRUE(served);
}

}  // namespace
}  // namespace nearhit
