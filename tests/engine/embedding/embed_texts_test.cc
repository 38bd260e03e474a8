#include "engine/embedding/embed_texts.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/no_deadline.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

using testing::ElementsAre;

using Texts = std::span<const std::string_view>;

// One component a text: its size. Refuses what the test says.
class PickyEmbedder final : public Embedder {
 public:
  explicit PickyEmbedder(std::function<Status(Texts)> judge) : judge_(std::move(judge)) {}
  std::string_view identity() const override { return "picky"; }
  std::size_t dimension() const override { return 1; }
  bool may_block() const override { return false; }
  Result<std::vector<float>> Embed(Texts texts,
                                   std::chrono::steady_clock::time_point) const override {
    sizes_.push_back(texts.size());
    NEARHIT_RETURN_IF_ERROR(judge_(texts));
    std::vector<float> rows;
    for (const std::string_view text : texts) {
      rows.push_back(static_cast<float>(text.size()));
    }
    rows.resize(rows.size() - std::min(rows.size(), missing_));
    return rows;
  }
  // Gives so many floats too few.
  void LeaveOut(std::size_t floats) { missing_ = floats; }
  // Of the calls since the last question.
  std::vector<std::size_t> Sizes() { return std::exchange(sizes_, {}); }

 private:
  const std::function<Status(Texts)> judge_;
  std::size_t missing_ = 0;
  mutable std::vector<std::size_t> sizes_;
};

Status RefuseLong(Texts texts) {
  return std::any_of(texts.begin(), texts.end(), [](std::string_view t) { return t.size() > 9; })
             ? InvalidArgument("too long")
             : Status();
}

Status RefuseOverThree(Texts texts) {
  return texts.size() > 3 ? InvalidArgument("too many") : Status();
}

Result<std::vector<float>> Embed(const Embedder& embedder, std::vector<std::string_view> texts,
                                 BatchLimit* limit = nullptr) {
  return EmbedTexts(embedder, texts, kNoDeadline, limit);
}

TEST(EmbedTextsTest, WhatIsAcceptedTakesOneCall) {
  PickyEmbedder embedder(RefuseLong);
  EXPECT_THAT(Embed(embedder, {"a", "bb", "ccc"}), IsOkAndHolds(ElementsAre(1, 2, 3)));
  EXPECT_THAT(embedder.Sizes(), ElementsAre(3));
}

TEST(EmbedTextsTest, ATextThatIsRefusedGetsZeros) {
  PickyEmbedder embedder(RefuseLong);
  EXPECT_THAT(Embed(embedder, {"a", "bb", "very long text", "dddd", "also quite long"}),
              IsOkAndHolds(ElementsAre(1, 2, 0, 4, 0)));
  EXPECT_THAT(Embed(embedder, {"very long text"}), IsOkAndHolds(ElementsAre(0)));
}

TEST(EmbedTextsTest, OneThatRefusesEverythingIsAtFaultItself) {
  PickyEmbedder embedder([](Texts) { return InvalidArgument("no such model"); });
  EXPECT_THAT(Embed(embedder, {"a", "bb", "ccc"}),
              StatusIs(StatusCode::kInvalidArgument, "no such model"));
  EXPECT_THAT(embedder.Sizes(), ElementsAre(3, 1));
}

TEST(EmbedTextsTest, OtherErrorsAreNotDivided) {
  PickyEmbedder embedder([](Texts) { return Unavailable("down"); });
  EXPECT_THAT(Embed(embedder, {"a", "bb"}), StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(embedder.Sizes(), ElementsAre(2));
}

TEST(EmbedTextsTest, TheWrongNumberOfFloatsIsAnError) {
  PickyEmbedder embedder(RefuseLong);
  embedder.LeaveOut(1);
  EXPECT_THAT(Embed(embedder, {"a", "bb"}), StatusIs(StatusCode::kInternal));
}

TEST(EmbedTextsTest, LearnsHowManyTextsAreTaken) {
  PickyEmbedder embedder(RefuseOverThree);
  BatchLimit limit;
  const std::vector<std::string_view> texts(8, "a");
  ASSERT_THAT(Embed(embedder, texts, &limit), IsOk());
  EXPECT_EQ(limit.texts(), 2U);
  embedder.Sizes();
  EXPECT_THAT(Embed(embedder, texts, &limit), IsOkAndHolds(testing::SizeIs(8)));
  EXPECT_THAT(embedder.Sizes(), ElementsAre(2, 2, 2, 2));
}

TEST(EmbedTextsTest, ATextAtFaultSaysNothingOfTheNumber) {
  PickyEmbedder embedder(RefuseLong);
  BatchLimit limit;
  ASSERT_THAT(Embed(embedder, {"a", "bb", "very long text", "dddd"}, &limit), IsOk());
  EXPECT_GT(limit.texts(), 1'000'000U);
}

TEST(EmbedTextsTest, ALimitIsTriedAgainAfterAWhile) {
  bool refuse = true;
  PickyEmbedder embedder([&refuse](Texts texts) {
    return refuse && texts.size() > 1 ? InvalidArgument("too large") : Status();
  });
  BatchLimit limit;
  const std::vector<std::string_view> texts(4, "a");
  ASSERT_THAT(Embed(embedder, texts, &limit), IsOk());
  EXPECT_EQ(limit.texts(), 1U);
  refuse = false;
  for (std::uint32_t part = 0; part < 2 * BatchLimit::kPartsToGrow; ++part) {
    ASSERT_THAT(Embed(embedder, texts, &limit), IsOk());
  }
  embedder.Sizes();
  ASSERT_THAT(Embed(embedder, texts, &limit), IsOk());
  EXPECT_THAT(embedder.Sizes(), ElementsAre(4));
}

}  // namespace
}  // namespace nearhit
