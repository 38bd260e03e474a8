// Data in which every walk loses its way: independent components, which leave no cluster to be in.

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "index/hnsw_index.h"
#include "tests/index/must_search.h"
#include "tests/support/status_matchers.h"

namespace nearhit::hnsw_calibrate_test {
namespace {

constexpr std::size_t kDimension = 48;
constexpr std::uint64_t kEntries = 4'000;

class HnswOfNoiseTest : public testing::Test {
 protected:
  HnswOfNoiseTest() {
    stored_.emplace_back();  // there is no entry 0
    for (std::uint64_t id = 1; id <= kEntries; ++id) {
      stored_.push_back(Noise());
      EXPECT_THAT(index_.Add(EntryId{id}, stored_.back()), IsOk());
    }
  }

  std::vector<float> Noise() {
    std::vector<float> vector(kDimension);
    for (float& component : vector) {
      component = normal_(random_);
    }
    return vector;
  }

  double SquaredDistance(const std::vector<float>& a, const std::vector<float>& b) const {
    double sum = 0;
    for (std::size_t i = 0; i < kDimension; ++i) {
      const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
      sum += difference * difference;
    }
    return sum;
  }

  // Of the ten nearest of vectors that are not stored.
  double Recall() {
    constexpr std::size_t kNearest = 10;
    constexpr int kQueries = 100;
    std::size_t right = 0;
    for (int i = 0; i < kQueries; ++i) {
      const std::vector<float> query = Noise();
      std::vector<double> distances;
      for (std::uint64_t id = 1; id <= kEntries; ++id) {
        distances.push_back(SquaredDistance(query, stored_[id]));
      }
      std::nth_element(distances.begin(), distances.begin() + kNearest - 1, distances.end());
      SearchStats stats;
      for (const Neighbor& hit : MustSearch(index_, query, {.k = kNearest}, &stats)) {
        right += SquaredDistance(query, stored_[hit.id.value]) <= distances[kNearest - 1] ? 1U : 0U;
      }
    }
    return static_cast<double>(right) / (kQueries * kNearest);
  }

  std::size_t FoundByThemselves(const HnswIndex& index) const {
    std::size_t found = 0;
    for (std::uint64_t id = 1; id <= kEntries; ++id) {
      SearchStats stats;
      const auto hits = MustSearch(index, stored_[id], {.k = 1, .ef = 1}, &stats);
      found += !hits.empty() && hits.front().id == EntryId{id} ? 1U : 0U;
    }
    return found;
  }

  std::mt19937 random_{5};
  std::normal_distribution<float> normal_;
  std::vector<std::vector<float>> stored_;
  HnswIndex index_{Codec(kDimension, IndexMetric::kL2, Encoding::kInt8)};
};

TEST_F(HnswOfNoiseTest, EveryEntryIsFoundByItself) {
  EXPECT_EQ(FoundByThemselves(index_), kEntries);
  // After turnover, and after a restart.
  for (std::uint64_t id = 1; id <= kEntries; id += 3) {
    stored_[id] = Noise();
    ASSERT_THAT(index_.Add(EntryId{id}, stored_[id]), IsOk());
  }
  EXPECT_EQ(FoundByThemselves(index_), kEntries);
  std::string bytes;
  index_.Serialize(&bytes);
  HnswIndex loaded{Codec(kDimension, IndexMetric::kL2, Encoding::kInt8)};
  ASSERT_THAT(loaded.Deserialize(bytes), IsOk());
  EXPECT_EQ(FoundByThemselves(loaded), kEntries);
}

// Its own entries are easier for a graph than what is not stored: they are linked to what is near.
TEST_F(HnswOfNoiseTest, WalksGetWideEnoughForWhatIsNotStored) {
  const double before = Recall();
  EXPECT_LT(before, .96);
  EXPECT_TRUE(index_.Calibrate());
  EXPECT_FALSE(index_.LosesEntries());
  EXPECT_GT(Recall(), .97);
}

}  // namespace
}  // namespace nearhit::hnsw_calibrate_test
