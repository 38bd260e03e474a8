// What calls of a local embedder share: the memo, and the vector that one of them is making.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/model/local_embedder.h"
#include "tests/engine/model/tiny_model.h"
#include "tests/support/no_deadline.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

using testing::Each;

class LocalSharingTest : public testing::Test {
 protected:
  std::shared_ptr<const Embedder> Load(const LocalSettings& settings) {
    auto embedder = LocalEmbedder::Load(model_.path(), settings);
    EXPECT_THAT(embedder, IsOk());
    return *std::move(embedder);
  }

  TinyModel model_;
};

TEST_F(LocalSharingTest, ATextSeenBeforeNeedsNoEncoder) {
  const auto embedder = Load({.memo_bytes = 10'000});
  const std::string_view texts[] = {"red blue"};
  const auto made = embedder->Embed(texts, kNoDeadline);
  ASSERT_THAT(made, IsOk());
  // With the deadline passed the encoder would do nothing.
  const auto past = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_THAT(embedder->Embed(texts, past), IsOkAndHolds(*made));
  EXPECT_EQ(embedder->stats().memo_hits, 1U);
  EXPECT_EQ(embedder->stats().memo_misses, 1U);
  const std::string_view others[] = {"blue"};
  EXPECT_THAT(embedder->Embed(others, past), StatusIs(StatusCode::kDeadlineExceeded));
}

TEST_F(LocalSharingTest, AThreadThatMustNotWaitGetsWhatTheMemoHas) {
  const auto embedder = Load({.memo_bytes = 10'000});
  const std::string_view texts[] = {"red blue", "blue"};
  const auto made = embedder->Embed(std::span(texts).first(1), kNoDeadline);
  ASSERT_THAT(made, IsOk());
  EXPECT_THAT(embedder->TryEmbed(std::span(texts).first(1)), IsOkAndHolds(*made));
  EXPECT_THAT(embedder->TryEmbed(texts), StatusIs(StatusCode::kWouldBlock));
  EXPECT_EQ(embedder->stats().memo_hits, 1U);
  EXPECT_EQ(embedder->stats().memo_misses, 1U);
}

TEST_F(LocalSharingTest, ThatATextCannotBeReadIsKeptAsWell) {
  const auto embedder = Load({.memo_bytes = 10'000});
  const std::string_view texts[] = {"green"};
  for (int i = 0; i < 2; ++i) {
    const auto row = embedder->Embed(texts, kNoDeadline);
    ASSERT_THAT(row, IsOk());
    EXPECT_THAT(*row, Each(0));
  }
  EXPECT_EQ(embedder->stats().memo_hits, 1U);
}

TEST_F(LocalSharingTest, WithoutAMemoEveryTextIsMade) {
  const auto embedder = Load({});
  const std::string_view texts[] = {"red"};
  EXPECT_THAT(embedder->Embed(texts, kNoDeadline), IsOk());
  EXPECT_THAT(embedder->Embed(texts, kNoDeadline), IsOk());
  EXPECT_EQ(embedder->stats().memo_hits, 0U);
  EXPECT_EQ(embedder->stats().memo_misses, 2U);
}

// A call that follows itself would wait for ever.
TEST_F(LocalSharingTest, TheSameTextTwiceInACall) {
  const auto embedder = Load({});
  const std::string_view texts[] = {"red", "blue", "red"};
  const auto rows = embedder->Embed(texts, kNoDeadline);
  ASSERT_THAT(rows, IsOk());
  EXPECT_TRUE(std::equal(rows->begin(), rows->begin() + 16, rows->begin() + 32));
  EXPECT_FALSE(std::equal(rows->begin(), rows->begin() + 16, rows->begin() + 16));
}

// Calls with the same texts in different orders, some of which run out of time.
TEST_F(LocalSharingTest, CallsThatShareTextsGetTheSameRows) {
  for (const std::size_t memo_bytes : {0U, 1'000U, 100'000U}) {
    const auto embedder = Load({.memo_bytes = memo_bytes});
    const std::vector<std::string_view> texts = {"red", "blue", "blues", "red red", "green"};
    std::vector<std::vector<float>> expected;
    expected.reserve(texts.size());
    for (const std::string_view text : texts) {
      expected.push_back(*Load({})->Embed(std::span(&text, 1), kNoDeadline));
    }
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (std::size_t thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (std::size_t round = 0; round < 100; ++round) {
          std::vector<std::string_view> asked = texts;
          std::rotate(asked.begin(), asked.begin() + static_cast<std::ptrdiff_t>(thread),
                      asked.end());
          const bool may_be_late = round % 5 == 0;
          const auto rows = embedder->Embed(
              asked, may_be_late ? std::chrono::steady_clock::now() + std::chrono::microseconds(50)
                                 : kNoDeadline);
          if (!rows.ok()) {
            EXPECT_TRUE(may_be_late) << rows.status().ToString();
            continue;
          }
          for (std::size_t i = 0; i < asked.size(); ++i) {
            const auto row = rows->begin() + static_cast<std::ptrdiff_t>(i * 16);
            EXPECT_EQ(std::vector<float>(row, row + 16), expected[(i + thread) % texts.size()]);
          }
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
}

}  // namespace
}  // namespace nearhit
