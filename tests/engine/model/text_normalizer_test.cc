#include "engine/model/text_normalizer.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/utf8.h"

namespace nearhit {
namespace {

std::string Normal(std::string_view text, const std::vector<NormalizerStep>& steps) {
  std::string out;
  TextNormalizer(steps).Normalize(text, &out);
  return out;
}

struct Case {
  std::string name;
  std::string text;
  std::string normal;
};

class BertNormalizerTest : public testing::TestWithParam<Case> {};

TEST_P(BertNormalizerTest, GivesTheNormalForm) {
  EXPECT_EQ(Normal(GetParam().text, {BertNormalizerOptions{}}), GetParam().normal);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, BertNormalizerTest,
    testing::Values(Case{"Empty", "", ""}, Case{"Case", "AbC dE", "abc de"},
                    Case{"WhiteSpace", "a\tb\nc\rd\u00a0e\u3000f", "a b c d e f"},
                    Case{"Controls",
                         std::string("a\0b\x07"
                                     "c\x0B"
                                     "d\x7F"
                                     "e\u200bf\ufeffg",
                                     17),
                         "abcdefg"},
                    Case{"Replacement", "a\ufffd b", "a b"}, Case{"BadBytes", "a\xff\xc3z", "az"},
                    Case{"Accents", "\u00c9t\u00e9 a\u030a", "ete a"},
                    Case{"DottedI", "\u0130\u0131", "i\u0131"},
                    Case{"Sigma", "\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c3"},
                    Case{"Ideographs", "a\u4e2d\u6587b", "a \u4e2d  \u6587 b"},
                    Case{"CompatibilityIdeograph", "\uf900", " \u8c48 "},
                    Case{"Kana", "\u304c", "\u304b"},
                    Case{"Hangul", "\uac01", "\u1100\u1161\u11a8"},
                    // Spacing marks stay, in the order of their combining classes.
                    Case{"SpacingMarks", "a\u302e\U0001d165\u0301", "a\U0001d165\u302e"},
                    Case{"NewMark", "a\u1df6", "a\u1df6"}),  // newer than the reference's tables
    [](const auto& instance) { return instance.param.name; });

TEST(BertNormalizerTest, EachOptionCanBeOff) {
  const std::string text = "\u00c9\u4e2d\tB\x07";
  EXPECT_EQ(Normal(text, {BertNormalizerOptions{.clean_text = false}}), "e \u4e2d \tb\x07");
  EXPECT_EQ(Normal(text, {BertNormalizerOptions{.ideograph_spaces = false}}), "e\u4e2d b");
  EXPECT_EQ(Normal(text, {BertNormalizerOptions{.strip_accents = false}}), "\u00e9 \u4e2d  b");
  EXPECT_EQ(Normal(text, {BertNormalizerOptions{.lower_case = false}}), "E \u4e2d  B");
  EXPECT_EQ(Normal("a\x7F"
                   "b",
                   {BertNormalizerOptions{.clean_text = false}}),
            "a\x7F"
            "b");
}

TEST(TextNormalizerTest, Steps) {
  EXPECT_EQ(Normal("A\u00c9", {LowercaseStep{}}), "a\u00e9");
  EXPECT_EQ(Normal(" \u00a0 a b \n", {StripStep{.left = true, .right = true}}), "a b");
  EXPECT_EQ(Normal(" a ", {StripStep{.left = true, .right = false}}), "a ");
  EXPECT_EQ(Normal(" a ", {StripStep{.left = false, .right = true}}), " a");
  EXPECT_EQ(Normal(" a ", {StripStep{.left = false, .right = false}}), " a ");
  EXPECT_EQ(Normal(" \n ", {StripStep{.left = true, .right = false}}), "");
  EXPECT_EQ(Normal("a!!b", {ReplaceStep{.pattern = "!", .content = " ! "}}), "a !  ! b");
  EXPECT_EQ(Normal("aaa", {ReplaceStep{.pattern = "aa", .content = "a"}}), "aa");
  EXPECT_EQ(Normal(" a\n\n b", {CollapseSpaceStep{.content = "_"}}), "_a_b");
}

TEST(TextNormalizerTest, StepsFollowEachOther) {
  EXPECT_EQ(Normal("  Caf\u00e9!  ok ",
                   {BertNormalizerOptions{}, ReplaceStep{.pattern = "!", .content = " ! "},
                    CollapseSpaceStep{.content = " "}, StripStep{.left = true, .right = true}}),
            "cafe ! ok");
  EXPECT_EQ(Normal("As Is", {}), "As Is");
}

TEST(BertNormalizerTest, LongRunsOfMarksAreSorted) {
  std::string text = "a";
  for (int i = 0; i < 20'000; ++i) {
    text += i % 2 == 0 ? "\u302e" : "\U0001d165";
  }
  const std::string normal = Normal(text, {BertNormalizerOptions{}});
  EXPECT_TRUE(IsValidUtf8(normal));
  EXPECT_EQ(normal.find("\u302e"), 1u + 4u * 10'000u);
}

}  // namespace
}  // namespace nearhit
