#include "engine/policy/verifier.h"

#include <string>

#include <gtest/gtest.h>

#include "nearhit/options.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

std::string FileWith(std::string_view bias, std::string_view budgets) {
  std::string file = "# comment\n[weights]\nbias " + std::string(bias) + "\n";
  for (const std::string_view name : kPairFeatureNames) {
    file += std::string(name) + (name == "cosine" ? " 2 0.5\n" : " 0 1\n");
  }
  return file + "[cosine]\n8 -6\n\n[budgets]\n" + std::string(budgets);
}

TEST(VerifierTest, AddsWhatTheFeaturesWeigh) {
  const Result<Verifier> verifier = Verifier::Read(FileWith("-1", "0.01 3\n"));
  ASSERT_THAT(verifier, IsOk());
  PairFeatures features{};
  EXPECT_FLOAT_EQ(verifier->model().Score(features), -1);
  features[0] = .75F;
  EXPECT_FLOAT_EQ(verifier->model().Score(features), .5F);
  EXPECT_FLOAT_EQ(verifier->prior().model.Score(features), 0);
  EXPECT_FLOAT_EQ(verifier->prior().scales[0], .5F);
}

TEST(VerifierTest, ABudgetBetweenTwoIsTheLower) {
  const Result<Verifier> verifier = Verifier::Read(FileWith("0", "0.01 3\n# c\n0.02 1\n"));
  ASSERT_THAT(verifier, IsOk());
  EXPECT_FLOAT_EQ(verifier->LeastScore(.01F), 3);
  EXPECT_FLOAT_EQ(verifier->LeastScore(.019F), 3);
  EXPECT_FLOAT_EQ(verifier->LeastScore(.02F), 1);
  EXPECT_FLOAT_EQ(verifier->LeastScore(.5F), 1);
}

TEST(VerifierTest, FilesThatAreNoneAreRefused) {
  for (const std::string& file :
       {std::string(), std::string("[weights]\n"), FileWith("x", "0.01 3\n"), FileWith("0", ""),
        FileWith("0", "0.01\n"), FileWith("0", "0.02 1\n0.01 3\n"),
        FileWith("0", "0.01 1\n0.02 3\n"), FileWith("0", "0.01 3\n").replace(30, 1, "z"),
        FileWith("0\ncosine 2 0", "0.01 3\n")}) {
    EXPECT_THAT(Verifier::Read(file), StatusIs(StatusCode::kInvalidArgument)) << file;
  }
}

TEST(VerifierTest, ThatOfTheProductHasEveryBudget) {
  const Verifier& verifier = Verifier::Shared();
  EXPECT_GT(verifier.LeastScore(kLeastMaxError), verifier.LeastScore(.01F));
  EXPECT_GT(verifier.LeastScore(.01F), verifier.LeastScore(kMostMaxError));
  const auto score = [&](std::string_view a, std::string_view b, float cosine) {
    return verifier.model().Score(FeaturesOf(PromptFacts(a), PromptFacts(b), cosine));
  };
  EXPECT_GT(score("How do I reset my password?", "How can I reset my password?", .98F),
            verifier.LeastScore(.01F));
  EXPECT_LT(score("How do I reset my password?", "Why was my account closed?", .8F),
            verifier.LeastScore(.01F));
}

}  // namespace
}  // namespace nearhit
