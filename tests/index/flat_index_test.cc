// What FlatIndex keeps of few and of many entries; what it answers is in
// vector_index_contract_test.

#include "index/flat_index.h"

#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "tests/index/must_search.h"
#include "tests/support/random_vectors.h"
#include "tests/support/status_matchers.h"

namespace nearhit::flat_index_test {
namespace {

constexpr std::size_t kDimension = 48;

class FlatIndexTest : public testing::TestWithParam<Encoding> {
 protected:
  void Add(std::uint64_t id) {
    vectors_[id] = random_.Next();
    ASSERT_THAT(index_.Add(EntryId{id}, vectors_[id]), IsOk());
  }
  void Erase(std::uint64_t id) { EXPECT_EQ(index_.Erase(EntryId{id}), vectors_.erase(id) == 1); }
  // Every entry is found by its id and by its vector, and nothing else is there.
  void ExpectAll() const {
    ASSERT_EQ(index_.size(), vectors_.size());
    ASSERT_EQ(index_.Ids().size(), vectors_.size());
    const Codec& codec = index_.codec();
    std::vector<std::byte> record(codec.record_bytes());
    std::vector<float> expected(kDimension);
    std::vector<float> kept(kDimension);
    for (const auto& [id, vector] : vectors_) {
      codec.Encode(vector, record.data());
      codec.Decode(record.data(), expected);
      ASSERT_TRUE(index_.Reconstruct(EntryId{id}, kept)) << id;
      ASSERT_EQ(kept, expected) << id;
      SearchStats stats;
      ASSERT_EQ(MustSearch(index_, vector, {.k = 1}, &stats).at(0).id, EntryId{id});
    }
  }

  FlatIndex index_{Codec(kDimension, IndexMetric::kDot, GetParam())};
  std::map<std::uint64_t, std::vector<float>> vectors_;
  RandomVectors random_{kDimension, 20, 3};
};

TEST_P(FlatIndexTest, FewTakeNoMoreThanTheirRecordsAndIds) {
  const std::size_t empty = index_.memory_bytes();
  EXPECT_LE(empty, 40U);
  const std::size_t each = index_.codec().record_bytes() + sizeof(EntryId);
  for (std::uint64_t id = 1; id <= 20; ++id) {
    Add(id);
    EXPECT_EQ(index_.memory_bytes(), empty + id * each);
  }
  for (std::uint64_t id = 1; id <= 20; ++id) {
    Erase(id);
    EXPECT_EQ(index_.memory_bytes(), empty + (20 - id) * each);
  }
}

// Up and down over every size where something changes: from few to many, from the heap to pages.
TEST_P(FlatIndexTest, KeepsEverythingThroughEverySize) {
  std::mt19937 random(7);
  std::uint64_t next = 1;
  for (const std::size_t target :
       {40U, 20U, 100U, 25U, 0U, 63U, 64U, 63U, 33U, 31U, 64U, 1'700U, 10U}) {
    while (vectors_.size() < target) {
      Add(next++);
    }
    while (vectors_.size() > target) {
      const auto any =
          std::next(vectors_.begin(), static_cast<std::ptrdiff_t>(random() % vectors_.size()));
      Erase(any->first);
    }
    ExpectAll();
  }
  // Of what only many need nothing is left.
  const std::size_t each = index_.codec().record_bytes() + sizeof(EntryId);
  EXPECT_EQ(index_.memory_bytes(), sizeof(FlatIndex) + index_.size() * each);
}

TEST_P(FlatIndexTest, ReplacesTheVectorOfOneOfFewAndOfMany) {
  for (const std::uint64_t count : {5U, 80U, 600U}) {
    for (std::uint64_t id = 1; id <= count; ++id) {
      Add(id);
    }
    ExpectAll();
  }
}

TEST_P(FlatIndexTest, ClearLeavesNothing) {
  for (const std::uint64_t count : {5U, 80U}) {
    const std::size_t empty = index_.memory_bytes();
    for (std::uint64_t id = 1; id <= count; ++id) {
      Add(id);
    }
    index_.Clear();
    vectors_.clear();
    ExpectAll();
    EXPECT_EQ(index_.memory_bytes(), empty);
  }
}

INSTANTIATE_TEST_SUITE_P(Encodings, FlatIndexTest,
                         testing::Values(Encoding::kFloat32, Encoding::kInt8),
                         [](const testing::TestParamInfo<Encoding>& param_info) {
                           return param_info.param == Encoding::kInt8 ? "Int8" : "Float32";
                         });

}  // namespace
}  // namespace nearhit::flat_index_test
