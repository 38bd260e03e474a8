#include "engine/model/unigram.h"

#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Ids = std::vector<std::int32_t>;

const std::vector<std::string> kTokens = {"[UNK]", "\u2581", "\u2581ab", "a",
                                          "b",     "abc",    "c",        "\u2581a"};
const std::vector<double> kScores = {-9, -3, -4, -3, -3, -5, -6, -5};

Ids Encode(std::string_view normal, const UnigramOptions& options = {}) {
  const auto model = Unigram::Make(kTokens, kScores, options);
  Ids ids;
  model.value()->Append(normal, &ids);
  return ids;
}

TEST(UnigramTest, TakesTheMostProbableWay) {
  EXPECT_THAT(Encode("ab"), ElementsAre(2));
  EXPECT_THAT(Encode("abc"), ElementsAre(1, 5));  // -8 rather than -10
  EXPECT_THAT(Encode("ab abc"), ElementsAre(2, 1, 5));
  EXPECT_THAT(Encode("ba"), ElementsAre(1, 4, 3));
}

TEST(UnigramTest, SpacesAreMarked) {
  EXPECT_THAT(Encode(" ab"), ElementsAre(2));  // not marked twice
  EXPECT_THAT(Encode("ab", {.prepend = false}), ElementsAre(3, 4));
  EXPECT_THAT(Encode("ab  ab"), ElementsAre(2, 1, 2));
}

TEST(UnigramTest, PiecesSpanWordsUnlessSplit) {
  const std::vector<std::string> tokens = {"[UNK]", "\u2581", "a", "a\u2581a"};
  const auto encode = [&tokens](bool split) {
    Ids ids;
    Unigram::Make(tokens, {-9, -2, -2, -1}, {.split = split}).value()->Append("a a", &ids);
    return ids;
  };
  EXPECT_THAT(encode(true), ElementsAre(1, 2, 1, 2));
  EXPECT_THAT(encode(false), ElementsAre(1, 3));
}

TEST(UnigramTest, NeighbouringUnknownCharactersAreOneToken) {
  EXPECT_THAT(Encode("a\u00e9\u4e2db"), ElementsAre(7, 0, 4));
  EXPECT_THAT(Encode("\u00e9 \u00e9"), ElementsAre(1, 0, 1, 0));
  EXPECT_THAT(Encode("\xff\xe2\x82"), ElementsAre(1, 0));  // no UTF-8
}

TEST(UnigramTest, LongTexts) {
  EXPECT_EQ(Encode(std::string(100'000, 'a')).size(), 100'000u);  // "▁a" and 99,999 times "a"
  EXPECT_THAT(Encode(std::string(100'000, 'z')), ElementsAre(1, 0));
}

TEST(UnigramTest, RefusesBadVocabularies) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(Unigram::Make({"a", "a"}, {-1, -1}, {}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("token 1 is there twice")));
  EXPECT_THAT(Unigram::Make({"a", ""}, {-1, -1}, {}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("token 1 is empty")));
  EXPECT_THAT(Unigram::Make({"a", "b"}, {-1, kNan}, {}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("token 1 is not finite")));
  EXPECT_THAT(Unigram::Make({"a"}, {-1}, {.unknown_id = 1}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("unknown")));
}

}  // namespace
}  // namespace nearhit
