// What every VectorIndex promises, run on every implementation and encoding.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "index/flat_index.h"
#include "index/hnsw_index.h"
#include "index/partition_index.h"
#include "tests/index/must_search.h"
#include "tests/support/random_vectors.h"
#include "tests/support/repeating_threads.h"
#include "tests/support/status_matchers.h"

namespace nearhit::vector_index_contract_test {
namespace {

constexpr std::size_t kDimension = 48;

struct Case {
  std::string name;
  std::function<std::unique_ptr<VectorIndex>()> make;
};

Codec MakeCodec(Encoding encoding) {
  return {kDimension, IndexMetric::kDot, encoding};
}

// Full-precision vectors by id.
class MapSource final : public VectorSource {
 public:
  bool Load(EntryId id, std::span<float> out) const override {
    const auto found = vectors.find(id.value);
    if (found == vectors.end()) {
      return false;
    }
    std::copy(found->second.begin(), found->second.end(), out.begin());
    return true;
  }
  std::map<std::uint64_t, std::vector<float>> vectors;
};

class OddIds final : public IdFilter {
 public:
  bool Accepts(EntryId id) const override { return id.value % 2 == 1; }
};

// Accepts every id; the first call returns once `deadline` has passed.
class UntilDeadline final : public IdFilter {
 public:
  explicit UntilDeadline(std::chrono::steady_clock::time_point deadline) : deadline_(deadline) {}
  bool Accepts(EntryId /*id*/) const override {
    while (std::chrono::steady_clock::now() < deadline_) {
    }
    return true;
  }

 private:
  const std::chrono::steady_clock::time_point deadline_;
};

class VectorIndexContract : public testing::TestWithParam<Case> {
 protected:
  void Add(std::uint64_t id, const std::vector<float>& vector) {
    ASSERT_THAT(index_->Add(EntryId{id}, vector), IsOk());
    source_.vectors[id] = vector;
  }
  void Erase(std::uint64_t id) {
    EXPECT_EQ(index_->Erase(EntryId{id}), source_.vectors.erase(id) == 1);
  }
  std::vector<Neighbor> Search(const std::vector<float>& query, SearchOptions options) {
    options.source = &source_;
    SearchStats stats;
    return MustSearch(*index_, query, options, &stats);
  }
  // The truth: every vector compared in full precision.
  std::vector<std::uint64_t> Nearest(const std::vector<float>& query, std::size_t k) const {
    std::vector<Neighbor> all;
    for (const auto& [id, vector] : source_.vectors) {
      all.push_back({EntryId{id}, Kernels().dot(query.data(), vector.data(), kDimension)});
    }
    std::sort(all.begin(), all.end());
    std::vector<std::uint64_t> ids;
    for (std::size_t i = 0; i < std::min(k, all.size()); ++i) {
      ids.push_back(all[i].id.value);
    }
    return ids;
  }
  double RecallAt10(RandomVectors* random, int queries) {
    std::size_t found = 0;
    std::size_t wanted = 0;
    for (int i = 0; i < queries; ++i) {
      const std::vector<float> query = random->Next();
      const std::vector<std::uint64_t> truth = Nearest(query, 10);
      wanted += truth.size();
      for (const Neighbor& neighbor : Search(query, {.k = 10, .ef = 100})) {
        found += std::count(truth.begin(), truth.end(), neighbor.id.value) > 0 ? 1U : 0U;
      }
    }
    return static_cast<double>(found) / static_cast<double>(wanted);
  }

  std::unique_ptr<VectorIndex> index_ = GetParam().make();
  MapSource source_;
  RandomVectors random_{kDimension, 20, 3};
};

TEST_P(VectorIndexContract, EmptyIndexFindsNothing) {
  EXPECT_TRUE(Search(random_.Next(), {.k = 3}).empty());
  EXPECT_FALSE(index_->Erase(EntryId{1}));
  EXPECT_EQ(index_->size(), 0U);
}

TEST_P(VectorIndexContract, FindsWhatWasAddedWithItsExactScore) {
  const std::vector<float> vector = random_.Next();
  Add(7, vector);
  const std::vector<Neighbor> found = Search(vector, {.k = 3});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id, EntryId{7});
  EXPECT_NEAR(found[0].score, 1.0F, 1e-6);
  EXPECT_TRUE(index_->Contains(EntryId{7}));
}

TEST_P(VectorIndexContract, AddingAnIdAgainReplacesItsVector) {
  const std::vector<float> first = random_.Next();
  Add(7, first);
  std::vector<float> opposite = first;
  for (float& component : opposite) {
    component = -component;
  }
  Add(7, opposite);
  EXPECT_EQ(index_->size(), 1U);
  EXPECT_NEAR(Search(opposite, {.k = 1}).at(0).score, 1.0F, 1e-6);
}

TEST_P(VectorIndexContract, NeverReturnsWhatWasErased) {
  for (std::uint64_t id = 1; id <= 50; ++id) {
    Add(id, random_.Next());
  }
  for (std::uint64_t id = 1; id <= 50; id += 2) {
    Erase(id);
  }
  for (const Neighbor& neighbor : Search(random_.Next(), {.k = 50, .ef = 100})) {
    EXPECT_EQ(neighbor.id.value % 2, 0U);
  }
  EXPECT_EQ(index_->size(), 25U);
}

TEST_P(VectorIndexContract, ResultsAreBestFirstAndAtMostK) {
  for (std::uint64_t id = 1; id <= 200; ++id) {
    Add(id, random_.Next());
  }
  const std::vector<Neighbor> found = Search(random_.Next(), {.k = 10});
  ASSERT_EQ(found.size(), 10U);
  EXPECT_TRUE(std::is_sorted(found.begin(), found.end()));
}

TEST_P(VectorIndexContract, TiesGoToTheLowerId) {
  const std::vector<float> vector = random_.Next();
  for (const std::uint64_t id : {9U, 3U, 5U}) {
    Add(id, vector);
  }
  const std::vector<Neighbor> found = Search(vector, {.k = 3});
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].id, EntryId{3});
  EXPECT_EQ(found[2].id, EntryId{9});
}

TEST_P(VectorIndexContract, FilterIsAppliedInsideTheSearch) {
  const std::vector<float> query = random_.Next();
  for (std::uint64_t id = 1; id <= 400; ++id) {
    // Even ids lie all around the query, odd ones elsewhere: filtering afterwards would find none.
    Add(id, id % 2 == 0 ? random_.Near(query, 0.1F) : random_.Next());
  }
  const OddIds odd;
  const std::vector<Neighbor> found = Search(query, {.k = 10, .ef = 400, .filter = &odd});
  EXPECT_EQ(found.size(), 10U);
  for (const Neighbor& neighbor : found) {
    EXPECT_EQ(neighbor.id.value % 2, 1U);
  }
}

TEST_P(VectorIndexContract, SearchAmongComparesOnlyTheGivenIds) {
  for (std::uint64_t id = 1; id <= 50; ++id) {
    Add(id, random_.Next());
  }
  const std::vector<EntryId> ids = {EntryId{3}, EntryId{4}, EntryId{999}};
  SearchStats stats;
  const std::vector<Neighbor> found =
      MustSearchAmong(*index_, random_.Next(), ids, {.k = 10, .source = &source_}, &stats);
  EXPECT_EQ(found.size(), 2U);
  EXPECT_EQ(stats.distances, 2U);
}

TEST_P(VectorIndexContract, ASearchPastItsDeadlineFails) {
  Add(1, random_.Next());
  const std::vector<EntryId> ids = {EntryId{1}};
  const OddIds odd;
  const std::array<const IdFilter*, 2> filters = {nullptr, &odd};
  for (const IdFilter* filter : filters) {
    const SearchOptions options{
        .filter = filter, .source = &source_, .deadline = std::chrono::steady_clock::now()};
    SearchStats stats;
    EXPECT_THAT(index_->Search(random_.Next(), options, &stats),
                StatusIs(StatusCode::kDeadlineExceeded));
    EXPECT_THAT(index_->SearchAmong(random_.Next(), ids, options, &stats),
                StatusIs(StatusCode::kDeadlineExceeded));
  }
}

TEST_P(VectorIndexContract, ASearchEndsSoonAfterItsDeadline) {
  Add(1, random_.Next());
  const std::vector<EntryId> ids(100'000, EntryId{1});
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(2);
  const UntilDeadline filter(deadline);
  SearchStats stats;
  EXPECT_THAT(
      index_->SearchAmong(random_.Next(), ids, {.filter = &filter, .deadline = deadline}, &stats),
      StatusIs(StatusCode::kDeadlineExceeded));
  EXPECT_LE(stats.distances, 10'000U);
}

TEST_P(VectorIndexContract, ASearchWithTimeLeftFindsTheSame) {
  for (std::uint64_t id = 1; id <= 50; ++id) {
    Add(id, random_.Next());
  }
  const std::vector<float> query = random_.Next();
  const auto later = std::chrono::steady_clock::now() + std::chrono::hours(1);
  EXPECT_EQ(Search(query, {.k = 5, .deadline = later}), Search(query, {.k = 5}));
}

TEST_P(VectorIndexContract, RecallIsHighAgainstExactTruth) {
  for (std::uint64_t id = 1; id <= 3'000; ++id) {
    Add(id, random_.Next());
  }
  const double recall = RecallAt10(&random_, 100);
  RecordProperty("recall_at_10", std::to_string(recall));
  EXPECT_GE(recall, 0.98);
}

TEST_P(VectorIndexContract, TenTurnoversLeaveRecallAndMemoryAsTheyWere) {
  constexpr std::uint64_t kLive = 1'000;
  for (std::uint64_t id = 1; id <= kLive; ++id) {
    Add(id, random_.Next());
  }
  const double fresh_recall = RecallAt10(&random_, 50);
  const std::size_t fresh_bytes = index_->memory_bytes();
  for (std::uint64_t id = kLive + 1; id <= 11 * kLive; ++id) {
    Erase(id - kLive);
    Add(id, random_.Next());
  }
  EXPECT_EQ(index_->size(), kLive);
  EXPECT_GE(RecallAt10(&random_, 50), fresh_recall - 0.01);
  EXPECT_LE(index_->memory_bytes(), fresh_bytes + fresh_bytes / 5);
  for (const auto& [id, vector] : source_.vectors) {
    EXPECT_EQ(Search(vector, {.k = 1, .ef = 64}).at(0).id, EntryId{id});
  }
}

// Random operations on the index and on a map; after each search the results must be among the live
// ids and the best one must be the true best for a nearest neighbour that is close.
TEST_P(VectorIndexContract, AgreesWithAMapUnderRandomOperations) {
  std::mt19937 random(20'261'124);
  for (int step = 0; step < 2'000; ++step) {
    const std::uint64_t id = random() % 300 + 1;
    switch (random() % 4) {
      case 0:
      case 1:
        Add(id, random_.Next());
        break;
      case 2:
        Erase(id);
        break;
      default:
        if (source_.vectors.contains(id)) {
          const std::vector<float> query = random_.Near(source_.vectors[id], 0.05F);
          EXPECT_EQ(Search(query, {.k = 1, .ef = 64}).at(0).id.value, Nearest(query, 1)[0]);
        }
    }
    ASSERT_EQ(index_->size(), source_.vectors.size());
  }
}

TEST_P(VectorIndexContract, SearchesRunBesideAWriter) {
  for (std::uint64_t id = 1; id <= 300; ++id) {
    Add(id, random_.Next());
  }
  const std::vector<float> kept = random_.Next();
  ASSERT_THAT(index_->Add(EntryId{1'000'000}, kept), IsOk());
  std::atomic<int> missed{0};
  RepeatingThreads readers(2, [&] {
    SearchStats stats;
    const std::vector<Neighbor> found = MustSearch(*index_, kept, {.k = 1, .ef = 64}, &stats);
    missed += found.empty() || found[0].id != EntryId{1'000'000} ? 1 : 0;
  });
  RandomVectors writer_random(kDimension, 20, 5);
  for (std::uint64_t id = 301; id <= 1'000; ++id) {
    EXPECT_THAT(index_->Add(EntryId{id}, writer_random.Next()), IsOk());
    EXPECT_TRUE(index_->Erase(EntryId{id - 300}));
  }
  readers.Stop();
  EXPECT_EQ(missed.load(), 0);
}

INSTANTIATE_TEST_SUITE_P(
    Implementations, VectorIndexContract,
    testing::Values(
        Case{"FlatFloat32",
             [] { return std::make_unique<FlatIndex>(MakeCodec(Encoding::kFloat32)); }},
        Case{"FlatInt8", [] { return std::make_unique<FlatIndex>(MakeCodec(Encoding::kInt8)); }},
        Case{"HnswFloat32",
             [] { return std::make_unique<HnswIndex>(MakeCodec(Encoding::kFloat32)); }},
        Case{"HnswInt8", [] { return std::make_unique<HnswIndex>(MakeCodec(Encoding::kInt8)); }},
        Case{"Partition",
             [] {
               return std::make_unique<PartitionIndex>(kDimension, IndexMetric::kDot,
                                                       Encoding::kInt8);
             }}),
    [](const testing::TestParamInfo<Case>& param_info) { return param_info.param.name; });

}  // namespace
}  // namespace nearhit::vector_index_contract_test
