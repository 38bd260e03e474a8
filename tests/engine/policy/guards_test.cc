#include "engine/policy/guards.h"

#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

// Of tests/data/guards: the guard that refuses, or "-", and two prompts.
struct Pair {
  std::string guard;
  std::string a;
  std::string b;
};

std::vector<Pair> ReadPairs(const std::string& language) {
  std::ifstream file(std::filesystem::path(NEARHIT_TEST_DATA) / "guards" / (language + ".tsv"));
  std::vector<Pair> pairs;
  Pair pair;
  while (std::getline(file, pair.guard, '\t') && std::getline(file, pair.a, '\t') &&
         std::getline(file, pair.b)) {
    if (!pair.guard.starts_with("#")) {
      pairs.push_back(pair);
    }
  }
  return pairs;
}

std::string Refusal(std::string_view a, std::string_view b, GuardSet on = GuardSet::All()) {
  const std::optional<Guard> guard = FindConflict(PromptFacts(a), PromptFacts(b), on);
  return guard ? std::string(GuardName(*guard)) : "-";
}

class GuardsInLanguageTest : public testing::TestWithParam<std::string_view> {};

TEST_P(GuardsInLanguageTest, RefuseWhatDiffersAndNothingElse) {
  const std::vector<Pair> pairs = ReadPairs(std::string(GetParam()));
  EXPECT_GE(pairs.size(), 30U);
  for (const Pair& pair : pairs) {
    EXPECT_EQ(Refusal(pair.a, pair.b), pair.guard) << pair.a << " | " << pair.b;
    EXPECT_EQ(Refusal(pair.b, pair.a), pair.guard) << pair.b << " | " << pair.a;
  }
}

TEST_P(GuardsInLanguageTest, NeverRefuseTheSameText) {
  for (const Pair& pair : ReadPairs(std::string(GetParam()))) {
    for (const std::string& text : {pair.a, pair.b}) {
      const std::string refusal = Refusal(text, text);
      EXPECT_TRUE(refusal == "-" || refusal == "fresh" || refusal == "action") << text;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Languages, GuardsInLanguageTest, testing::ValuesIn(kLanguageNames),
                         [](const auto& language) { return std::string(language.param); });

TEST(GuardsTest, EachCanBeSwitchedOff) {
  for (const Pair& pair : ReadPairs("en")) {
    if (const std::optional<Guard> guard = GuardNamed(pair.guard)) {
      GuardSet off;
      off.Add(*guard);
      EXPECT_NE(Refusal(pair.a, pair.b, GuardSet::All().Without(off)), pair.guard) << pair.a;
      EXPECT_EQ(Refusal(pair.a, pair.b, off), pair.guard) << pair.a;
    }
  }
}

TEST(GuardsTest, CaseAndPunctuationOfTheEndDoNotMatter) {
  for (const Pair& pair : ReadPairs("en")) {
    EXPECT_EQ(Refusal(pair.a + " ", pair.b + " "), pair.guard) << pair.a;
    if (pair.guard != "name" && pair.guard != "link") {
      std::string lower = pair.b;
      lower.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(lower.front())));
      EXPECT_EQ(Refusal(pair.a, lower), pair.guard) << pair.a;
    }
  }
}

TEST(GuardsTest, TextOfAnyKindIsRead) {
  for (const std::string& text :
       {std::string(), std::string("\xff\xfe\x80"), std::string(100'000, '"'),
        std::string(100'000, '9'), std::string(100'000, 'a'), std::string(50'000, '\0'),
        std::string("1.2,3.4.,"), std::string("'"), std::string("n't"), std::string("\xe4\xb8")}) {
    EXPECT_EQ(Refusal(text, text), "-");
    EXPECT_EQ(Refusal(text, "What is this?"), Refusal("What is this?", text));
  }
}

TEST(GuardSetTest, IsReadAndWrittenByName) {
  const Result<GuardSet> some = ParseGuards("place, name");
  ASSERT_THAT(some, IsOk());
  EXPECT_EQ(GuardsText(*some), "place,name");
  EXPECT_EQ(GuardsText(GuardSet()), "");
  EXPECT_EQ(*ParseGuards(""), GuardSet());
  EXPECT_EQ(*ParseGuards("all"), GuardSet::All());
  EXPECT_EQ(GuardsText(GuardSet::All()), "all");
  EXPECT_THAT(ParseGuards("place,nonsense"),
              StatusIs(StatusCode::kInvalidArgument, testing::HasSubstr("number")));
}

}  // namespace
}  // namespace nearhit
