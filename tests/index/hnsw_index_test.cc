#include "index/hnsw_index.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/coding.h"
#include "base/epoch.h"
#include "tests/index/must_search.h"
#include "tests/support/random_vectors.h"
#include "tests/support/repeating_threads.h"
#include "tests/support/status_matchers.h"

namespace nearhit::hnsw_index_test {
namespace {

constexpr std::size_t kDimension = 32;

class HnswIndexTest : public testing::Test {
 protected:
  void Fill(std::uint64_t first, std::uint64_t last, float spread = 0.6F) {
    for (std::uint64_t id = first; id <= last; ++id) {
      ASSERT_THAT(index_.Add(EntryId{id}, random_.Next(spread)), IsOk());
    }
  }
  void ExpectSound() {
    EXPECT_THAT(index_.CheckInvariants(), IsOk());
    EXPECT_EQ(index_.CountUnreachable(), 0U);
  }

  // How many were ever used: what a serialized graph begins with.
  std::uint64_t Slots() const {
    std::string bytes;
    index_.Serialize(&bytes);
    return ByteReader(bytes).Fixed<std::uint64_t>();
  }

  HnswIndex index_{Codec(kDimension, IndexMetric::kCosine, Encoding::kInt8), 16};
  RandomVectors random_{kDimension, 10, 1};
  SearchStats stats_;
};

TEST_F(HnswIndexTest, GrowsAndStaysSound) {
  Fill(1, 2'000);
  ExpectSound();
}

TEST_F(HnswIndexTest, TurnoverKeepsEveryNodeReachable) {
  Fill(1, 500);
  for (std::uint64_t id = 501; id <= 5'500; ++id) {
    ASSERT_TRUE(index_.Erase(EntryId{id - 500}));
    ASSERT_THAT(index_.Add(EntryId{id}, random_.Next()), IsOk());
  }
  ExpectSound();
}

// A match ends most of the walk, and is the same one that a whole walk finds; without one the walk
// is as long as ever.
TEST_F(HnswIndexTest, AMatchSettlesTheWalk) {
  Fill(1, 3'000);
  const SearchOptions for_match{.k = 1, .min_score = 0.8F, .any_match = true};
  const SearchOptions whole{
      .k = 1, .ef = index_.PlanFor(for_match, index_.size()).ef, .min_score = 0.8F};
  // Under .80 no walk is walked again, which would hide a shorter one.
  const SearchOptions lax{.k = 1, .min_score = 0.7F, .any_match = true};
  const SearchOptions lax_whole{
      .k = 1, .ef = index_.PlanFor(lax, index_.size()).ef, .min_score = 0.7F};
  const std::vector<float> unrelated = RandomVectors(kDimension, 1, 99).Next();
  SearchStats missed;
  SearchStats missed_whole;
  EXPECT_LT(MustSearch(index_, unrelated, lax, &missed).front().score, 0.7F);
  MustSearch(index_, unrelated, lax_whole, &missed_whole);
  EXPECT_EQ(missed.distances, missed_whole.distances);
  SearchStats settled;
  SearchStats all;
  std::vector<float> stored(kDimension);
  for (std::uint64_t id = 1; id <= 3'000; id += 30) {
    ASSERT_TRUE(index_.Reconstruct(EntryId{id}, stored));
    const std::vector<float> query = random_.Near(stored, 0.3F);
    const auto found = MustSearch(index_, query, for_match, &settled);
    EXPECT_EQ(found, MustSearch(index_, query, whole, &all)) << id;
    EXPECT_GE(found.front().score, 0.8F) << id;
  }
  EXPECT_LT(settled.distances, all.distances * 3 / 4);
}

// What ends far lower than other walks may have lost its way.
TEST_F(HnswIndexTest, AWalkThatEndsLowIsWalkedAgain) {
  Fill(1, 3'000);
  const SearchOptions for_match{.k = 1, .min_score = 0.95F, .any_match = true};
  const std::size_t ef = index_.PlanFor(for_match, index_.size()).ef;
  const SearchOptions once{.k = 1, .ef = ef, .min_score = for_match.min_score};
  const SearchOptions wide{.k = 1, .ef = 4 * ef, .min_score = for_match.min_score};
  const auto distances = [this](const std::vector<float>& query, const SearchOptions& options) {
    SearchStats stats;
    MustSearch(index_, query, options, &stats);
    return stats.distances;
  };
  for (int i = 0; i < 300; ++i) {
    distances(random_.Next(), for_match);
  }
  std::uint64_t ordinary = 0;
  std::uint64_t ordinary_once = 0;
  for (int i = 0; i < 200; ++i) {
    const std::vector<float> query = random_.Next();
    ordinary += distances(query, for_match);
    ordinary_once += distances(query, once);
  }
  EXPECT_LT(ordinary, ordinary_once * 6 / 5);
  std::vector<float> low(kDimension);  // far from every cluster
  low.front() = 1;
  EXPECT_GT(distances(low, for_match), distances(low, once) + distances(low, wide) * 9 / 10);
  EXPECT_EQ(MustSearch(index_, low, for_match, &stats_), MustSearch(index_, low, wide, &stats_));
  EXPECT_NE(MustSearch(index_, low, for_match, &stats_), MustSearch(index_, low, once, &stats_));
  // A match is never walked again, however low it is for a match.
  const SearchOptions far_match{.k = 1, .min_score = 0.9F, .any_match = true};
  std::vector<float> stored(kDimension);
  ASSERT_TRUE(index_.Reconstruct(EntryId{7}, stored));
  EXPECT_LE(distances(stored, far_match),
            distances(stored, {.k = 1, .ef = index_.PlanFor(far_match, 1).ef}));
}

TEST_F(HnswIndexTest, ErasingAWholeClusterLeavesNoIslands) {
  Fill(1, 1'000, 0.05F);  // tight clusters, linked by few bridges
  std::vector<float> vector(kDimension);
  std::vector<float> first(kDimension);
  ASSERT_TRUE(index_.Reconstruct(EntryId{1}, first));
  for (std::uint64_t id = 1; id <= 1'000; ++id) {
    ASSERT_TRUE(index_.Reconstruct(EntryId{id}, vector));
    if (Kernels().dot(first.data(), vector.data(), kDimension) > 0.9F) {
      ASSERT_TRUE(index_.Erase(EntryId{id}));
    }
  }
  EXPECT_LT(index_.size(), 1'000U);
  ExpectSound();
}

TEST_F(HnswIndexTest, CanBeEmptiedAndFilledAgain) {
  Fill(1, 200);
  for (std::uint64_t id = 1; id <= 200; ++id) {
    ASSERT_TRUE(index_.Erase(EntryId{id}));
  }
  EXPECT_EQ(index_.size(), 0U);
  Fill(1'000, 1'200);
  ExpectSound();
  std::vector<float> vector(kDimension);
  ASSERT_TRUE(index_.Reconstruct(EntryId{1'100}, vector));
  SearchStats stats;
  EXPECT_EQ(MustSearch(index_, vector, {.k = 1}, &stats).at(0).id, EntryId{1'100});
}

TEST_F(HnswIndexTest, SerializesToTheSameGraph) {
  Fill(1, 500);
  for (std::uint64_t id = 1; id <= 100; ++id) {
    ASSERT_TRUE(index_.Erase(EntryId{id}));
  }
  std::string bytes;
  index_.Serialize(&bytes);
  HnswIndex loaded(Codec(kDimension, IndexMetric::kCosine, Encoding::kInt8));
  ASSERT_THAT(loaded.Deserialize(bytes), IsOk());
  std::string again;
  loaded.Serialize(&again);
  EXPECT_EQ(bytes, again);
  EXPECT_EQ(loaded.CountUnreachable(), index_.CountUnreachable());
}

TEST_F(HnswIndexTest, EveryTruncationOfASerializedGraphIsRefused) {
  Fill(1, 20);
  std::string bytes;
  index_.Serialize(&bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    HnswIndex loaded(Codec(kDimension, IndexMetric::kCosine, Encoding::kInt8));
    EXPECT_THAT(loaded.Deserialize(std::string_view(bytes).substr(0, size)),
                StatusIs(StatusCode::kDataLoss))
        << size;
    EXPECT_EQ(loaded.size(), 0U);
  }
}

// Readers are asked for by memory that must not be used again; here it is the test that reads.
TEST_F(HnswIndexTest, ASlotIsUsedAgainWhenItsReadersHaveLeft) {
  Fill(1, 40);
  ASSERT_TRUE(index_.Erase(EntryId{1}));
  Fill(41, 41);
  EXPECT_EQ(Slots(), 40U);
  {
    const ReadSection section;
    ASSERT_TRUE(index_.Erase(EntryId{2}));
    Fill(42, 42);
    EXPECT_EQ(Slots(), 41U);
  }
  Fill(43, 43);
  EXPECT_EQ(Slots(), 41U);
  ExpectSound();
}

class Odd final : public IdFilter {
 public:
  bool Accepts(EntryId id) const override { return id.value % 2 == 1; }
};

// Whatever a search finds beside growth and turnover has the score of the vector with that id: a
// slot that was used again too soon, or memory that was given back, would have another one.
TEST(HnswIndexConcurrencyTest, SearchesBesideGrowthAndTurnoverFindWhatIsStored) {
  constexpr std::uint64_t kIds = 3'000;
  constexpr std::uint64_t kKept = 400;
  RandomVectors random(kDimension, 10, 1);
  std::vector<std::vector<float>> vectors;
  for (std::uint64_t id = 0; id <= kIds; ++id) {
    vectors.push_back(random.Next(0.6F));
  }
  HnswIndex index(Codec(kDimension, IndexMetric::kDot, Encoding::kFloat32), 16);
  const Odd odd;
  std::atomic<std::uint64_t> turn{0};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> found{0};
  RepeatingThreads readers(2, [&] {
    const std::uint64_t at = turn++;
    const std::vector<float>& query = vectors.at(at % kIds);
    SearchStats stats;
    const auto check = [&](const std::vector<Neighbor>& neighbors) {
      for (const Neighbor& neighbor : neighbors) {
        const float expected =
            Kernels().dot(query.data(), vectors.at(neighbor.id.value).data(), kDimension);
        wrong += std::abs(neighbor.score - expected) > 1e-4F ? 1 : 0;
        ++found;
      }
    };
    check(MustSearch(index, query, {.k = 3, .ef = 32}, &stats));
    check(MustSearch(index, query, {.k = 3, .ef = 32, .filter = &odd}, &stats));
    if (at % 16 == 0) {
      const std::vector<EntryId> ids = index.Ids();
      check(MustSearchAmong(index, query, std::span(ids).first(ids.size() / 8), {.k = 3}, &stats));
      std::vector<float> stored(kDimension);
      if (!ids.empty() && index.Reconstruct(ids.back(), stored)) {
        wrong += stored == vectors.at(ids.back().value) ? 0 : 1;
      }
    }
  });
  for (std::uint64_t id = 1; id <= kIds; ++id) {
    EXPECT_THAT(index.Add(EntryId{id}, vectors[id]), IsOk());
    if (id > kKept) {
      EXPECT_TRUE(index.Erase(EntryId{id - kKept}));
    }
  }
  readers.Stop();
  EXPECT_EQ(wrong.load(), 0U);
  EXPECT_GT(found.load(), 0U);
  EXPECT_THAT(index.CheckInvariants(), IsOk());
  EXPECT_EQ(index.CountUnreachable(), 0U);
}

}  // namespace
}  // namespace nearhit::hnsw_index_test
