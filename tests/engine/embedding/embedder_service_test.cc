// What the engine makes of an embedder, whatever the embedder returns.
#include "engine/embedding/embedder_service.h"

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

using testing::ElementsAre;
using testing::FloatNear;

constexpr std::string_view kTexts[] = {"one", "two"};

// Returns what the test says, for any texts.
class FakeEmbedder final : public Embedder {
 public:
  explicit FakeEmbedder(bool may_block = true) : may_block_(may_block) {}

  std::string_view identity() const override { return "fake"; }
  std::size_t dimension() const override { return 2; }
  bool may_block() const override { return may_block_; }
  Result<std::vector<float>> Embed(std::span<const std::string_view>,
                                   std::chrono::steady_clock::time_point) const override {
    ++asked;
    return answer();
  }
  Result<std::vector<float>> TryEmbed(std::span<const std::string_view>) const override {
    return tried();
  }

  std::function<Result<std::vector<float>>()> answer;
  std::function<Result<std::vector<float>>()> tried = [] { return WouldBlock("fake"); };
  mutable int asked = 0;

 private:
  const bool may_block_;
};

class EmbedderServiceTest : public testing::Test {
 protected:
  void Answer(std::vector<float> rows) {
    fake_->answer = [rows = std::move(rows)] { return rows; };
  }
  void Fail() {
    fake_->answer = [] { return Unavailable("down"); };
  }
  EmbedderService Service(Metric metric = Metric::kCosine) const {
    return {fake_, EmbedderSpec{}, metric, nullptr};
  }

  const std::shared_ptr<FakeEmbedder> fake_ = std::make_shared<FakeEmbedder>();
};

TEST_F(EmbedderServiceTest, AWrongNumberOfFloatsIsRefused) {
  for (const std::size_t floats : {0U, 1U, 3U, 5U}) {
    Answer(std::vector<float>(floats, 1.0F));
    fake_->tried = fake_->answer;
    EmbedderService service = Service();
    EXPECT_THAT(service.Embed(kTexts, {}), StatusIs(StatusCode::kInternal)) << floats;
    EXPECT_THAT(service.EmbedForIndex(kTexts, {}), StatusIs(StatusCode::kInternal)) << floats;
    EXPECT_THAT(service.EmbedForIndex(kTexts, {.non_blocking = true}),
                StatusIs(StatusCode::kInternal))
        << floats;
  }
}

TEST_F(EmbedderServiceTest, RowsAreNormalizedForTheMetric) {
  Answer({3, 4, 0, 2});
  EXPECT_THAT(*Service().EmbedForIndex(kTexts, {}),
              ElementsAre(FloatNear(.6F, 1e-6F), FloatNear(.8F, 1e-6F), 0, 1));
  EXPECT_THAT(*Service(Metric::kL2).EmbedForIndex(kTexts, {}), ElementsAre(3, 4, 0, 2));
  EXPECT_THAT(*Service().Embed(kTexts, {}), ElementsAre(3, 4, 0, 2));
}

TEST_F(EmbedderServiceTest, ARowThatTheMetricCannotTakeIsZeros) {
  Answer({0, 0, std::nanf(""), 1});
  EXPECT_THAT(*Service().EmbedForIndex(kTexts, {}), ElementsAre(0, 0, 0, 0));
  Answer({1e30F, 0, std::numeric_limits<float>::infinity(), 0});
  EXPECT_THAT(*Service(Metric::kL2).EmbedForIndex(kTexts, {}), ElementsAre(0, 0, 0, 0));
}

TEST_F(EmbedderServiceTest, OneThatIsDownIsAskedByStoresOnly) {
  Fail();
  EmbedderService service = Service();
  for (int i = 0; i < CircuitBreaker::kFailuresToOpen; ++i) {
    EXPECT_THAT(service.Embed(kTexts, {}), StatusIs(StatusCode::kUnavailable));
  }
  fake_->asked = 0;
  EXPECT_THAT(service.Embed(kTexts, {.admission = EmbedAdmission::kIfHealthy}),
              StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(service.Embed(kTexts, {.non_blocking = true}), StatusIs(StatusCode::kUnavailable));
  EXPECT_EQ(fake_->asked, 0);
  EXPECT_THAT(service.Embed(kTexts, {.admission = EmbedAdmission::kAlways}),
              StatusIs(StatusCode::kUnavailable));
  EXPECT_EQ(fake_->asked, 1);
}

TEST_F(EmbedderServiceTest, FailuresInTheBackgroundDoNotCount) {
  Fail();
  EmbedderService service = Service();
  for (int i = 0; i < 2 * CircuitBreaker::kFailuresToOpen; ++i) {
    EXPECT_THAT(service.Embed(kTexts, {.admission = EmbedAdmission::kInBackground}),
                StatusIs(StatusCode::kUnavailable));
  }
  Answer({1, 0, 0, 1});
  EXPECT_THAT(service.Embed(kTexts, {}), IsOk());
}

TEST_F(EmbedderServiceTest, ACallThatMayNotWaitGetsWhatIsThere) {
  EmbedderService service = Service();
  EXPECT_THAT(service.EmbedForIndex(kTexts, {.non_blocking = true}),
              StatusIs(StatusCode::kWouldBlock));
  fake_->tried = [] { return std::vector<float>{0, 2, 3, 0}; };
  EXPECT_THAT(*service.EmbedForIndex(kTexts, {.non_blocking = true}), ElementsAre(0, 1, 1, 0));
  EXPECT_EQ(fake_->asked, 0);
}

}  // namespace
}  // namespace nearhit
