#include "engine/model/text_memo.h"

#include <array>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nearhit {
namespace {

using testing::Each;

// Of a text of one byte and a row of two floats.
constexpr std::size_t kEntry = TextMemo::kOverheadBytes + 1 + 2 * sizeof(float);

class TextMemoTest : public testing::Test {
 protected:
  bool Has(std::string_view text) { return memo_.Find(text, row_); }
  void Put(std::string_view text, float value) {
    memo_.Put(text, std::array<float, 2>{value, value});
  }

  TextMemo memo_{2, 3 * kEntry};
  std::array<float, 2> row_{};
};

TEST_F(TextMemoTest, GivesTheVectorOfJustThisText) {
  EXPECT_FALSE(Has("a"));
  Put("a", 1);
  Put("b", 2);
  EXPECT_TRUE(Has("a"));
  EXPECT_THAT(row_, Each(1));
  EXPECT_TRUE(Has("b"));
  EXPECT_THAT(row_, Each(2));
  EXPECT_FALSE(Has("A"));
  EXPECT_FALSE(Has("ab"));
  EXPECT_FALSE(Has(std::string_view("a\0", 2)));
}

TEST_F(TextMemoTest, CountsHitsAndMisses) {
  EXPECT_FALSE(Has("a"));
  EXPECT_FALSE(memo_.FindAgain("a", row_));
  Put("a", 1);
  EXPECT_TRUE(Has("a"));
  EXPECT_TRUE(Has("a"));
  EXPECT_TRUE(memo_.FindAgain("a", row_));
  EXPECT_EQ(memo_.counts().hits, 2U);
  EXPECT_EQ(memo_.counts().misses, 1U);
}

TEST_F(TextMemoTest, TheLeastRecentlyUsedGoesFirst) {
  Put("a", 1);
  Put("b", 2);
  Put("c", 3);
  EXPECT_TRUE(Has("a"));
  Put("d", 4);
  EXPECT_FALSE(Has("b"));
  EXPECT_TRUE(Has("a"));
  EXPECT_TRUE(Has("c"));
  EXPECT_TRUE(Has("d"));
}

TEST_F(TextMemoTest, StaysWithinItsBytes) {
  for (int i = 0; i < 100; ++i) {
    Put(std::string(static_cast<std::size_t>(i % 7) * 40, 'x') + std::to_string(i), 1);
    EXPECT_LE(memo_.counts().bytes, 3 * kEntry);
  }
  EXPECT_GT(memo_.counts().bytes, 0U);
}

TEST_F(TextMemoTest, ATextOverItsBytesIsNotKeptAndRemovesNothing) {
  Put("a", 1);
  const std::string large(3 * kEntry, 'x');
  Put(large, 2);
  EXPECT_FALSE(Has(large));
  EXPECT_TRUE(Has("a"));
}

TEST_F(TextMemoTest, RemembersThatATextHasNoVector) {
  memo_.Put("a", {});
  row_ = {5, 5};
  EXPECT_TRUE(Has("a"));
  EXPECT_THAT(row_, Each(0));
}

TEST_F(TextMemoTest, ATextPutTwiceIsThereOnce) {
  Put("a", 1);
  Put("a", 1);
  EXPECT_EQ(memo_.counts().bytes, kEntry);
}

TEST_F(TextMemoTest, WithoutRoomNothingIsKept) {
  TextMemo memo(2, 0);
  memo.Put("", {});
  EXPECT_FALSE(memo.Find("", row_));
  EXPECT_EQ(memo.counts().bytes, 0U);
}

TEST_F(TextMemoTest, ManyThreads) {
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this] {
      for (int i = 0; i < 2'000; ++i) {
        const std::string text(1, static_cast<char>('a' + i % 5));
        std::array<float, 2> row{};
        if (memo_.Find(text, row)) {
          EXPECT_THAT(row, Each(static_cast<float>(i % 5)));
        } else {
          memo_.Put(text,
                    std::array<float, 2>{static_cast<float>(i % 5), static_cast<float>(i % 5)});
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(memo_.counts().hits + memo_.counts().misses, 8'000U);
}

}  // namespace
}  // namespace nearhit
