// Vectors that are stored many times.

#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "index/hnsw_index.h"
#include "tests/index/must_search.h"
#include "tests/support/random_vectors.h"
#include "tests/support/status_matchers.h"

namespace nearhit::hnsw_copies_test {
namespace {

constexpr std::size_t kDimension = 32;
constexpr std::uint64_t kTexts = 300;
constexpr std::uint64_t kCopies = 20;

// Entry id is a copy of text id % kTexts.
class HnswCopiesTest : public testing::Test {
 protected:
  HnswCopiesTest() {
    for (std::uint64_t text = 0; text < kTexts; ++text) {
      texts_.push_back(random_.Next());
    }
    for (std::uint64_t id = 1; id <= kTexts * kCopies; ++id) {
      EXPECT_THAT(index_.Add(EntryId{id}, texts_[id % kTexts]), IsOk());
    }
  }

  std::set<std::uint64_t> Found(std::uint64_t text, std::size_t k) {
    SearchStats stats;
    std::set<std::uint64_t> ids;
    for (const Neighbor& hit : MustSearch(index_, texts_[text], {.k = k}, &stats)) {
      ids.insert(hit.id.value);
    }
    return ids;
  }

  RandomVectors random_{kDimension, 10, 1};
  std::vector<std::vector<float>> texts_;
  HnswIndex index_{Codec(kDimension, IndexMetric::kCosine, Encoding::kInt8)};
};

TEST_F(HnswCopiesTest, ACopyTakesNoNode) {
  HnswIndex alone{Codec(kDimension, IndexMetric::kCosine, Encoding::kInt8)};
  for (std::uint64_t text = 0; text < kTexts; ++text) {
    ASSERT_THAT(alone.Add(EntryId{text + 1}, texts_[text]), IsOk());
  }
  EXPECT_EQ(index_.size(), kTexts * kCopies);
  EXPECT_LT(index_.memory_bytes(), kCopies / 2 * alone.memory_bytes());
}

TEST_F(HnswCopiesTest, AllOfThemAreFound) {
  for (std::uint64_t text = 0; text < kTexts; ++text) {
    const std::set<std::uint64_t> found = Found(text, kCopies);
    ASSERT_EQ(found.size(), kCopies);
    for (const std::uint64_t id : found) {
      EXPECT_EQ(id % kTexts, text);
    }
  }
}

TEST_F(HnswCopiesTest, ThoseThatStayAreFoundWhenOthersGo) {
  // The first one as well, which the node is named after.
  for (std::uint64_t id = 1; id <= kTexts * (kCopies - 2); ++id) {
    ASSERT_TRUE(index_.Erase(EntryId{id}));
  }
  const std::uint64_t text = 7;
  const std::uint64_t last = kTexts * (kCopies - 1) + text;
  EXPECT_THAT(Found(text, 2), testing::ElementsAre(last - kTexts, last));
  ASSERT_TRUE(index_.Erase(EntryId{last}));
  ASSERT_TRUE(index_.Erase(EntryId{last - kTexts}));
  EXPECT_EQ(Found(text, 2).count(last), 0U);
  ASSERT_THAT(index_.Add(EntryId{last}, texts_[text]), IsOk());
  EXPECT_THAT(Found(text, 1), testing::ElementsAre(last));
}

}  // namespace
}  // namespace nearhit::hnsw_copies_test
