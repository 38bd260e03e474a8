// How far a graph is walked for a near-duplicate, by what its own entries say.

#include <vector>

#include <gtest/gtest.h>

#include "index/hnsw_index.h"
#include "index/partition_index.h"
#include "tests/index/must_search.h"
#include "tests/support/random_vectors.h"
#include "tests/support/status_matchers.h"

namespace nearhit::walk_width_test {
namespace {

constexpr std::size_t kDimension = 128;
constexpr SearchOptions kMatch{.k = 1, .min_score = 0.9F, .any_match = true};

// Few texts and many versions of each, moved at random so far that none is near another: each is
// nearest to its text, whose links cannot lead to all of them.
class Stars {
 public:
  explicit Stars(std::size_t texts) : vectors_(kDimension, texts, 3) {}
  std::vector<float> Next() { return vectors_.Next(++made_ % 50 == 1 ? 0.01F : 0.9F); }

 private:
  RandomVectors vectors_;
  std::size_t made_ = 0;
};

// Of entries moved to a cosine of .94.
double HitRecall(const VectorIndex& index, RandomVectors* random) {
  std::vector<float> stored(kDimension);
  int found = 0;
  int asked = 0;
  for (std::uint64_t id = 1; id <= index.size(); id += 5, ++asked) {
    EXPECT_TRUE(index.Reconstruct(EntryId{id}, stored));
    SearchStats stats;
    const auto hits = MustSearch(index, random->Near(stored, 0.35F), kMatch, &stats);
    found += static_cast<int>(!hits.empty() && hits.front().score >= kMatch.min_score);
  }
  return static_cast<double>(found) / asked;
}

void Maintain(HnswIndex* index) {
  while (index->ProbeStep()) {
  }
}

void Maintain(PartitionIndex* index) {
  while (index->TuneStep()) {
  }
}

class WalkWidthTest : public testing::Test {
 protected:
  void Fill(std::size_t texts) {
    Stars stars(texts);
    for (std::uint64_t id = 1; id <= 5'000; ++id) {
      ASSERT_THAT(index_.Add(EntryId{id}, stars.Next()), IsOk());
    }
  }

  void AskForOne(const SearchOptions& options) {
    SearchStats stats;
    std::vector<float> stored(kDimension);
    ASSERT_TRUE(index_.Reconstruct(EntryId{7}, stored));
    MustSearch(index_, stored, options, &stats);
  }

  HnswIndex index_{Codec(kDimension, IndexMetric::kCosine, Encoding::kInt8)};
  const WalkPlan before_ = index_.PlanFor(kMatch, 100'000);
  RandomVectors random_{kDimension, 1, 9};
};

TEST_F(WalkWidthTest, WhereEntriesAreFoundWalksStayAsTheyAre) {
  Fill(1'000);
  EXPECT_GE(HitRecall(index_, &random_), .99);
  Maintain(&index_);
  EXPECT_EQ(index_.PlanFor(kMatch, 100'000).ef, before_.ef);
  EXPECT_FALSE(index_.LosesEntries());
}

TEST_F(WalkWidthTest, WalksThatComeNearGoLessFar) {
  Fill(1'000);
  const auto ask = [this](const std::vector<float>& query, const SearchOptions& options) {
    SearchStats stats;
    MustSearch(index_, query, options, &stats);
    return stats.distances;
  };
  EXPECT_EQ(before_.Limit(.89F), before_.ef);  // nothing is known to be near
  // While nearly all stay far, only what comes to .6 of the threshold is near.
  for (int i = 0; i < 300; ++i) {
    ask(random_.Next(), kMatch);
  }
  const WalkPlan among_far = index_.PlanFor(kMatch, 100'000);
  EXPECT_FLOAT_EQ(among_far.near_score, .6F * .9F);
  // While nearly all come to some .85, what stays under that is far.
  std::vector<float> stored(kDimension);
  std::uint64_t near = 0;
  std::uint64_t in_full = 0;
  for (std::uint64_t id = 1; id <= 5'000; id += 7) {
    ASSERT_TRUE(index_.Reconstruct(EntryId{id}, stored));
    const std::vector<float> query = random_.Near(stored, 0.6F);
    near += ask(query, kMatch);
    in_full += ask(query, {.k = 1, .ef = before_.ef, .min_score = kMatch.min_score});
  }
  const WalkPlan among_near = index_.PlanFor(kMatch, 100'000);
  EXPECT_GT(among_near.near_score, .8F);
  EXPECT_EQ(among_near.Limit(.75F), among_near.ef);
  EXPECT_EQ(among_near.Limit(.89F), among_near.ef_once_near);
  EXPECT_LT(among_near.ef_once_near, among_near.ef);
  EXPECT_LT(near, in_full * 19 / 20);
  // The best of several may be near while the others are not.
  EXPECT_EQ(index_.PlanFor({.k = 2, .min_score = .9F, .any_match = true}, 100'000).Limit(.89F),
            among_near.ef);
  // Other thresholds are asked for by others, and nothing is known of those yet.
  EXPECT_FLOAT_EQ(index_.PlanFor({.k = 1, .min_score = .8F, .any_match = true}, 100'000).near_score,
                  .8F);
}

TEST_F(WalkWidthTest, WhereTheyAreLostWalksGetWider) {
  Fill(20);
  const double lost = 1 - HitRecall(index_, &random_);
  EXPECT_GT(lost, .02);
  Maintain(&index_);
  const WalkPlan after = index_.PlanFor(kMatch, 100'000);
  EXPECT_GT(after.ef, before_.ef);
  EXPECT_GT(after.entry_points, before_.entry_points);
  EXPECT_LT(1 - HitRecall(index_, &random_), lost / 2);
  // What was asked for by hand, or is no near-duplicate, is not the tuner's.
  EXPECT_EQ(index_.PlanFor({.k = 1, .ef = 50, .min_score = 0.9F}, 100'000).ef, 50U);
  EXPECT_EQ(index_.PlanFor({.k = 10}, 100'000).ef, 64U);
}

TEST_F(WalkWidthTest, AGrowingGraphFindsOutByItself) {
  ASSERT_THAT(index_.Add(EntryId{1}, random_.Next()), IsOk());
  HitRecall(index_, &random_);  // nobody has asked before
  Fill(20);
  EXPECT_GT(index_.PlanFor(kMatch, 100'000).ef, before_.ef);
}

// What is found easily at one threshold may be lost at another.
TEST_F(WalkWidthTest, AnotherThresholdIsAnotherQuestion) {
  Fill(80);
  constexpr SearchOptions kLax{.k = 1, .min_score = 0.8F, .any_match = true};
  AskForOne(kLax);
  Maintain(&index_);
  EXPECT_EQ(index_.PlanFor(kMatch, 100'000).ef, before_.ef);
  AskForOne(kMatch);
  Maintain(&index_);
  EXPECT_GT(index_.PlanFor(kMatch, 100'000).ef, before_.ef);
}

// While hardly anything was asked, whatever ends low is walked again, and found then.
TEST_F(WalkWidthTest, WhatIsFoundByWalkingAgainIsLostWhenTooMuchEndsLow) {
  Fill(120);
  AskForOne(kMatch);
  Maintain(&index_);
  EXPECT_EQ(index_.PlanFor(kMatch, 100'000).ef, before_.ef);
  for (int i = 0; i < 5; ++i) {
    HitRecall(index_, &random_);
  }
  Maintain(&index_);
  EXPECT_GT(index_.PlanFor(kMatch, 100'000).ef, before_.ef);
}

TEST_F(WalkWidthTest, UntilSomebodyAsksNothingIsDone) {
  Fill(20);
  Maintain(&index_);
  EXPECT_EQ(index_.PlanFor(kMatch, 100'000).ef, before_.ef);
}

TEST_F(WalkWidthTest, AGraphThatFailsGivesWayToAScan) {
  PartitionIndex index(kDimension, IndexMetric::kCosine, Encoding::kInt8, 1'000);
  Stars stars(20);
  std::uint64_t last = 0;
  const auto fill = [&](std::uint64_t to) {
    while (last < to) {
      ASSERT_THAT(index.Add(EntryId{++last}, stars.Next()), IsOk());
    }
  };
  fill(4'000);
  ASSERT_TRUE(index.NeedsMove());
  index.Move();
  ASSERT_TRUE(index.is_graph());
  EXPECT_LT(HitRecall(index, &random_), .99);
  Maintain(&index);
  ASSERT_TRUE(index.NeedsMove());
  index.Move();
  EXPECT_FALSE(index.is_graph());
  EXPECT_FALSE(index.NeedsMove());
  EXPECT_EQ(index.size(), 4'000U);
  EXPECT_EQ(HitRecall(index, &random_), 1);
  fill(7'999);
  EXPECT_FALSE(index.NeedsMove());
  fill(8'000);
  EXPECT_TRUE(index.NeedsMove());  // among twice as many it is tried again
}

}  // namespace
}  // namespace nearhit::walk_width_test
