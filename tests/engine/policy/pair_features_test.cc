#include "engine/policy/pair_features.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace nearhit {
namespace {

float Feature(std::string_view name, std::string_view a, std::string_view b) {
  const auto at = std::find(kPairFeatureNames.begin(), kPairFeatureNames.end(), name);
  EXPECT_NE(at, kPairFeatureNames.end()) << name;
  return FeaturesOf(PromptFacts(a), PromptFacts(b),
                    .9F)[static_cast<std::size_t>(at - kPairFeatureNames.begin())];
}

const std::vector<std::string>& Texts() {
  static const std::vector<std::string> texts = {
      "",
      "How do I open an account in Paris for 2 people?",
      "Why can't a student open 3 accounts in London?",
      "Is it safe? Should he not ask?",
      "Wie öffne ich ein Konto?",
      "如何打开深色模式？",
      "What is the best way to learn C++ with \"a book\" from https://a.b/c now?",
      std::string(3'000, 'x') + " and " + std::string(3'000, 'y'),
  };
  return texts;
}

TEST(PairFeaturesTest, DoNotChangeWithTheSides) {
  for (const std::string& a : Texts()) {
    for (const std::string& b : Texts()) {
      EXPECT_EQ(FeaturesOf(PromptFacts(a), PromptFacts(b), .9F),
                FeaturesOf(PromptFacts(b), PromptFacts(a), .9F))
          << a << " | " << b;
    }
  }
}

TEST(PairFeaturesTest, AreNumbers) {
  for (const std::string& a : Texts()) {
    for (const std::string& b : Texts()) {
      for (const float value : FeaturesOf(PromptFacts(a), PromptFacts(b), -1)) {
        EXPECT_TRUE(std::isfinite(value));
      }
    }
  }
}

TEST(PairFeaturesTest, SayWhatDiffers) {
  const std::string_view base = "How do I open an account in Paris?";
  EXPECT_EQ(Feature("cosine", base, base), .9F);
  EXPECT_EQ(Feature("place_other", base, "How do I open an account in Rome?"), 1);
  EXPECT_EQ(Feature("place_added", base, "How do I open an account?"), 1);
  EXPECT_EQ(Feature("opposite", base, "How do I close an account in Paris?"), 1);
  EXPECT_EQ(Feature("negation_odd", base, "How do I not open an account in Paris?"), 1);
  EXPECT_EQ(Feature("question_why", base, "Why do I open an account in Paris?"), 1);
  EXPECT_EQ(Feature("question_yes_no", base, "Do I open an account in Paris?"), 1);
  EXPECT_EQ(Feature("number_added", base, "How do I open 5 accounts in Paris?"), 1);
  EXPECT_EQ(Feature("lacked_most", base, "How do I open a bank account in Paris?"), 1);
  EXPECT_EQ(Feature("same_words", base, "In Paris, how do I open an account?"), 1);
  EXPECT_GT(Feature("inversions", base, "In Paris, how do I open an account?"), 0);
  EXPECT_EQ(Feature("shared", base, base), 1);
  EXPECT_EQ(Feature("length_apart", base, "How do I open an account?"), 2);
}

}  // namespace
}  // namespace nearhit
