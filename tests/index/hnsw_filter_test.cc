// Searches of a graph in which what passes a filter is far from the query.

#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "index/hnsw_index.h"
#include "tests/index/must_search.h"
#include "tests/support/status_matchers.h"

namespace nearhit::hnsw_filter_test {
namespace {

constexpr std::size_t kDimension = 16;
constexpr std::uint64_t kFar = 2'400;
constexpr std::uint64_t kEntries = 6'000;

// The first ids.
class FarOnes final : public IdFilter {
 public:
  bool Accepts(EntryId id) const override { return id.value <= kFar; }
  std::uint64_t count() const override { return kFar; }
  std::vector<EntryId> Ids() const override {
    std::vector<EntryId> ids;
    for (std::uint64_t id = 1; id <= kFar; ++id) {
      ids.push_back(EntryId{id});
    }
    return ids;
  }
};

class HnswFilterTest : public testing::Test {
 protected:
  HnswFilterTest() {
    for (std::uint64_t id = 1; id <= kEntries; ++id) {
      stored_.push_back(Around(id <= kFar ? -3.0F : 3.0F));
      EXPECT_THAT(index_.Add(EntryId{id}, stored_.back()), IsOk());
    }
  }

  std::vector<float> Around(float centre) {
    std::vector<float> vector(kDimension);
    for (float& component : vector) {
      component = centre + normal_(random_);
    }
    return vector;
  }

  std::mt19937 random_{3};
  std::normal_distribution<float> normal_;
  std::vector<std::vector<float>> stored_;
  HnswIndex index_{Codec(kDimension, IndexMetric::kL2, Encoding::kInt8)};
};

// A walk ends among those that do not pass.
TEST_F(HnswFilterTest, AsManyAreFoundAsThereAre) {
  const FarOnes filter;
  for (int i = 0; i < 20; ++i) {
    const std::vector<float> query = Around(3);
    SearchStats stats;
    const auto hits = MustSearch(index_, query, {.k = 10, .filter = &filter}, &stats);
    EXPECT_EQ(stats.plan, SearchPlan::kWalkThenCompare);
    ASSERT_EQ(hits.size(), 10U);
    for (const Neighbor& hit : hits) {
      EXPECT_TRUE(filter.Accepts(hit.id));
    }
  }
}

TEST_F(HnswFilterTest, AWalkAmongThoseThatPassIsEnough) {
  const FarOnes filter;
  SearchStats stats;
  EXPECT_EQ(MustSearch(index_, Around(-3), {.k = 10, .filter = &filter}, &stats).size(), 10U);
  EXPECT_EQ(stats.plan, SearchPlan::kFilteredWalk);
}

}  // namespace
}  // namespace nearhit::hnsw_filter_test
