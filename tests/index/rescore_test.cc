#include "index/rescore.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/random_vectors.h"

namespace nearhit::rescore_test {
namespace {

constexpr std::size_t kDimension = 96;

// Counts what it is asked for.
class CountingSource final : public VectorSource {
 public:
  bool Load(EntryId id, std::span<float> out) const override {
    loaded.push_back(id.value);
    const auto found = vectors.find(id.value);
    if (found == vectors.end()) {
      return false;
    }
    std::copy(found->second.begin(), found->second.end(), out.begin());
    return true;
  }
  std::map<std::uint64_t, std::vector<float>> vectors;
  mutable std::vector<std::uint64_t> loaded;
};

// Entries 1..n with given exact scores against the query (1, 0, 0, …), and given bounds.
class RescoreTest : public testing::Test {
 protected:
  void Put(float score, float rough, float bound) {
    const std::uint64_t id = source_.vectors.size() + 1;
    std::vector<float> vector(kDimension, 0);
    vector[0] = score;
    source_.vectors[id] = vector;
    candidates_.push_back(
        {.id = EntryId{id}, .score = rough, .range = {.low = 2 * rough - bound, .high = bound}});
  }
  std::vector<Neighbor> Run(std::size_t k, float min_score) {
    std::vector<float> query(kDimension, 0);
    query[0] = 1;
    SearchOptions options{.k = k, .min_score = min_score, .filter = nullptr, .source = &source_};
    SearchStats stats;
    return Rescore(codec_, query, codec_.EncodeQuery(query), options, candidates_, &stats)
        .neighbors;
  }

  const Codec codec_{kDimension, IndexMetric::kDot, Encoding::kInt8};
  CountingSource source_;
  std::vector<RoughNeighbor> candidates_;
};

TEST_F(RescoreTest, OrdersByExactScore) {
  Put(0.80F, 0.82F, 0.85F);
  Put(0.81F, 0.81F, 0.84F);
  const auto found = Run(2, -1);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].id.value, 2U);
  EXPECT_EQ(found[1].score, 0.80F);
}

TEST_F(RescoreTest, ReadsNothingWhenNothingCanReachTheThreshold) {
  Put(0.50F, 0.51F, 0.53F);
  Put(0.49F, 0.49F, 0.52F);
  Put(0.48F, 0.48F, 0.51F);
  const auto found = Run(3, 0.8F);
  ASSERT_EQ(found.size(), 1U);  // a miss can say how near the nearest was, about
  EXPECT_EQ(found[0].score, 0.51F);
  EXPECT_TRUE(source_.loaded.empty());
}

TEST_F(RescoreTest, ReadsWhatMayStillReachTheThreshold) {
  Put(0.78F, 0.79F, 0.82F);
  Put(0.81F, 0.78F, 0.81F);
  const auto found = Run(1, 0.8F);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id.value, 2U);
}

TEST_F(RescoreTest, SkipsWhatCannotBeAmongTheBest) {
  Put(0.90F, 0.90F, 0.93F);
  Put(0.60F, 0.60F, 0.63F);
  EXPECT_EQ(Run(1, -1).size(), 1U);
  EXPECT_EQ(source_.loaded, (std::vector<std::uint64_t>{1}));
}

TEST_F(RescoreTest, GoesOnWhenTheNearestIsGone) {
  Put(0.90F, 0.90F, 0.93F);
  Put(0.82F, 0.82F, 0.85F);
  source_.vectors.erase(1);
  const auto found = Run(1, 0.8F);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id.value, 2U);
}

// Ten thousand entries of one vector cost a read.
TEST_F(RescoreTest, EntriesOfOneVectorAreReadOnce) {
  for (int i = 0; i < 50; ++i) {
    Put(0.90F, 0.90F, 0.91F);
    candidates_.back().fingerprint = 7;
  }
  Put(0.901F, 0.90F, 0.91F);
  const auto found = Run(3, -1);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].id.value, 51U);
  EXPECT_EQ(found[1].id.value, 1U);
  EXPECT_EQ(source_.loaded.size(), 2U);
}

TEST_F(RescoreTest, ThresholdsAreReachedByWhatRoundsToThem) {
  Put(0.9F, 0.9F, 0.9F);
  std::vector<float> query(kDimension, 0);
  query[0] = 1;
  const auto found = Run(1, -1);
  EXPECT_EQ(Run(1, found.at(0).score).at(0).score, found.at(0).score);
  EXPECT_EQ(source_.loaded.size(), 2U);
}

// Whoever is surely among the best is kept, whatever comes before and after.
TEST(CandidateSetTest, KeepsWhatMayBeAmongTheBest) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> score(0, 1);
  for (const std::size_t k : {1U, 10U, 900U}) {
    CandidateSet set(k, 0.2F);
    std::vector<float> lows;
    std::vector<RoughNeighbor> all;
    for (std::uint64_t id = 1; id <= 2'000; ++id) {
      const float middle = score(random);
      const float half = 0.1F * score(random);
      all.push_back({.id = EntryId{id},
                     .score = middle,
                     .range = {.low = middle - half, .high = middle + half}});
      lows.push_back(middle - half);
      set.Offer(all.back());
    }
    std::sort(lows.begin(), lows.end(), std::greater<>());
    const float limit = std::max(0.2F, lows[k - 1]);
    const auto reaches = std::count_if(all.begin(), all.end(), [limit](const auto& candidate) {
      return candidate.range.high >= limit;
    });
    const std::vector<RoughNeighbor> kept = set.Take();
    EXPECT_EQ(kept.size(), static_cast<std::size_t>(reaches));
    EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end(),
                               [](const auto& a, const auto& b) { return a.score > b.score; }));
  }
}

TEST(CandidateSetTest, WhenNothingReachesTheLeastScoreTheNearestIsKept) {
  CandidateSet set(3, 0.8F);
  for (std::uint64_t id = 1; id <= 5; ++id) {
    const float score = 0.1F * static_cast<float>(id);
    set.Offer({.id = EntryId{id}, .score = score, .range = {.low = score, .high = score}});
  }
  const std::vector<RoughNeighbor> kept = set.Take();
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].id, EntryId{5});
}

struct RangeCase {
  IndexMetric metric;
  std::size_t dimension;
  bool framed;
};

class ScoreRangeTest : public testing::TestWithParam<RangeCase> {
 protected:
  // In float64, by a loop of its own.
  static double Exact(const std::vector<float>& a, const std::vector<float>& b) {
    double dot = 0;
    double distance = 0;
    double a_squares = 0;
    double b_squares = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const auto x = static_cast<double>(a[i]);
      const auto y = static_cast<double>(b[i]);
      dot += x * y;
      distance += (x - y) * (x - y);
      a_squares += x * x;
      b_squares += y * y;
    }
    switch (GetParam().metric) {
      case IndexMetric::kDot:
        return dot;
      case IndexMetric::kL2:
        return -distance;
      case IndexMetric::kCosine:
        return dot / std::sqrt(a_squares * b_squares);
    }
    return 0;
  }
};

// Of vectors that are alike, of any length, near the query and far from it.
TEST_P(ScoreRangeTest, HoldsForEveryPair) {
  const std::size_t dimension = GetParam().dimension;
  RandomVectors vectors(dimension, 5, 3);
  Frame frame;
  if (GetParam().framed) {
    frame = {.centre = vectors.Next(), .unit = 64};
  }
  const CodecShape shape(dimension, GetParam().metric, Encoding::kInt8, frame);
  const Codec codec(&shape);
  std::vector<std::byte> record(codec.record_bytes());
  double widest = 0;
  for (int i = 0; i < 3'000; ++i) {
    const std::vector<float> around =
        GetParam().framed && i % 4 != 0 ? vectors.Near(frame.centre, 0.01F) : vectors.Next();
    std::vector<float> a = vectors.Near(around, 0.02F);
    std::vector<float> b = i % 3 == 0 ? vectors.Near(a, 0.001F) : vectors.Near(around, 0.02F);
    if (i % 7 == 0) {
      b = a;
    }
    if (GetParam().metric != IndexMetric::kCosine && i % 5 == 0) {
      std::transform(a.begin(), a.end(), a.begin(), [](float x) { return x * 7.0F; });
    }
    const EncodedQuery query = codec.EncodeQuery(a);
    codec.Encode(b, record.data());
    const ScoreRange range = codec.RangeOf(query, record.data(), codec.Score(query, record.data()));
    const double exact = query.InFrame(Exact(a, b));
    EXPECT_LE(static_cast<double>(range.low), exact + 1e-9) << i;
    EXPECT_GE(static_cast<double>(range.high), exact - 1e-9) << i;
    EXPECT_NEAR(codec.ExactScore(a, b), Exact(a, b), 1e-9);
    if (i % 5 != 0 && i % 4 != 0) {
      widest = std::max(widest, query.Raw(static_cast<double>(range.high)) -
                                    query.Raw(static_cast<double>(range.low)));
    }
  }
  if (dimension > 16) {
    EXPECT_LT(widest, GetParam().framed ? 0.002 : 0.05);  // and it says something
  }
}

INSTANTIATE_TEST_SUITE_P(
    Metrics, ScoreRangeTest,
    testing::Values(RangeCase{IndexMetric::kDot, 96, false}, RangeCase{IndexMetric::kL2, 96, false},
                    RangeCase{IndexMetric::kCosine, 96, false},
                    RangeCase{IndexMetric::kDot, 384, true}, RangeCase{IndexMetric::kL2, 384, true},
                    RangeCase{IndexMetric::kCosine, 384, true},
                    RangeCase{IndexMetric::kL2, 3, false}, RangeCase{IndexMetric::kDot, 3, true},
                    RangeCase{IndexMetric::kL2, 17, true},
                    RangeCase{IndexMetric::kDot, 1'536, false}),
    [](const auto& test) {
      const RangeCase& param = test.param;
      const std::string metric = param.metric == IndexMetric::kDot  ? "Dot"
                                 : param.metric == IndexMetric::kL2 ? "L2"
                                                                    : "Cosine";
      return metric + std::to_string(param.dimension) + (param.framed ? "Framed" : "");
    });

}  // namespace
}  // namespace nearhit::rescore_test
