#include "index/rescore.h"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "tests/support/random_vectors.h"

namespace nearhit {
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
    candidates_.push_back({.neighbor = {.id = EntryId{id}, .score = rough}, .bound = bound});
  }
  std::vector<Neighbor> Run(std::size_t k, float min_score) {
    std::vector<float> query(kDimension, 0);
    query[0] = 1;
    SearchOptions options{.k = k, .min_score = min_score, .filter = nullptr, .source = &source_};
    SearchStats stats;
    return Rescore(codec_, query, options, candidates_, &stats);
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

class ScoreBoundTest : public testing::TestWithParam<IndexMetric> {};

TEST_P(ScoreBoundTest, HoldsForEveryPair) {
  const Codec codec(kDimension, GetParam(), Encoding::kInt8);
  RandomVectors vectors(kDimension, 5, 3);
  std::vector<std::byte> record(codec.record_bytes());
  float widest = 0;
  for (int i = 0; i < 2'000; ++i) {
    std::vector<float> a = vectors.Next();
    std::vector<float> b = i % 3 == 0 ? vectors.Near(a, 0.05F) : vectors.Next();
    const float scale = i % 5 == 0 ? 7.0F : 1.0F;  // not every metric has unit vectors
    std::transform(a.begin(), a.end(), a.begin(), [scale](float x) { return x * scale; });
    const EncodedQuery query = codec.EncodeQuery(a);
    codec.Encode(b, record.data());
    const float bound = codec.ScoreBound(query, record.data(), codec.Score(query, record.data()));
    EXPECT_GE(bound, codec.ExactScore(a, b) - 1e-5F);
    if (scale == 1.0F) {
      widest = std::max(widest, bound - codec.ExactScore(a, b));
    }
  }
  EXPECT_LT(widest, 0.2F);  // and it says something
}

INSTANTIATE_TEST_SUITE_P(Metrics, ScoreBoundTest,
                         testing::Values(IndexMetric::kDot, IndexMetric::kL2),
                         [](const auto& test) {
                           return test.param == IndexMetric::kDot ? "Dot" : "L2";
                         });

}  // namespace
}  // namespace nearhit
