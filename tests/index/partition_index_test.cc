#include "index/partition_index.h"

#include <atomic>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/file.h"
#include "index/hnsw_index.h"
#include "index/snapshot.h"
#include "nearhit/result.h"
#include "tests/index/must_search.h"
#include "tests/support/random_vectors.h"
#include "tests/support/repeating_threads.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit::partition_index_test {
namespace {

constexpr std::size_t kDimension = 32;
constexpr std::size_t kThreshold = 400;

class PartitionIndexTest : public testing::Test {
 protected:
  void Fill(std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t id = first; id <= last; ++id) {
      ASSERT_THAT(index_.Add(EntryId{id}, random_.Next()), IsOk());
    }
  }
  void ExpectSelfFound(const PartitionIndex& index) {
    std::vector<float> vector(kDimension);
    for (const EntryId id : index.Ids()) {
      ASSERT_TRUE(index.Reconstruct(id, vector));
      SearchStats stats;
      EXPECT_EQ(MustSearch(index, vector, {.k = 1, .ef = 64}, &stats).at(0).id, id);
    }
  }

  PartitionIndex index_{kDimension, IndexMetric::kDot, Encoding::kInt8, kThreshold};
  RandomVectors random_{kDimension, 10, 1};
};

TEST_F(PartitionIndexTest, MovesToAGraphAndBack) {
  Fill(1, kThreshold);
  EXPECT_TRUE(index_.NeedsMove());
  index_.Move();
  EXPECT_TRUE(index_.is_graph());
  EXPECT_FALSE(index_.NeedsMove());
  ExpectSelfFound(index_);
  for (std::uint64_t id = 1; id <= kThreshold - 50; ++id) {
    EXPECT_TRUE(index_.Erase(EntryId{id}));
  }
  EXPECT_TRUE(index_.NeedsMove());
  index_.Move();
  EXPECT_FALSE(index_.is_graph());
  EXPECT_EQ(index_.size(), 50U);
  ExpectSelfFound(index_);
}

TEST_F(PartitionIndexTest, AStoppedMoveLeavesWhatServes) {
  const std::atomic<bool> stop{true};
  Fill(1, kThreshold);
  index_.Move(nullptr, &stop);
  EXPECT_FALSE(index_.is_graph());
  EXPECT_EQ(index_.size(), kThreshold);
  ExpectSelfFound(index_);
  index_.Move();
  ASSERT_TRUE(index_.is_graph());
  for (std::uint64_t id = 1; id <= kThreshold - 50; ++id) {
    EXPECT_TRUE(index_.Erase(EntryId{id}));
  }
  index_.Move(nullptr, &stop);
  EXPECT_TRUE(index_.is_graph());
  EXPECT_EQ(index_.size(), 50U);
  index_.Move();
  EXPECT_FALSE(index_.is_graph());
  EXPECT_EQ(index_.size(), 50U);
  ExpectSelfFound(index_);
}

TEST_F(PartitionIndexTest, AMoveLosesNothingThatIsWrittenBesideIt) {
  Fill(1, 1'000);
  std::atomic<bool> moved{false};
  std::thread mover([this, &moved] {
    index_.Move();
    moved.store(true);
  });
  RandomVectors random(kDimension, 10, 9);
  std::uint64_t id = 1'000;
  while (!moved.load() && id < 20'000) {
    ++id;
    EXPECT_THAT(index_.Add(EntryId{id}, random.Next()), IsOk());
    EXPECT_TRUE(index_.Erase(EntryId{id - 1'000}));
  }
  mover.join();
  EXPECT_TRUE(index_.is_graph());
  EXPECT_EQ(index_.size(), 1'000U);
  for (std::uint64_t live = id - 999; live <= id; ++live) {
    EXPECT_TRUE(index_.Contains(EntryId{live}));
  }
}

// A search that began in the scan may find it emptied: it must ask again. Few entries, so that
// moves are short and many.
TEST_F(PartitionIndexTest, SearchesBesideMovesMissNothing) {
  constexpr EntryId kKept{3};
  Fill(1, 5);
  std::vector<float> kept(kDimension);
  ASSERT_TRUE(index_.Reconstruct(kKept, kept));
  std::atomic<int> missed{0};
  RepeatingThreads readers(2, [&] {
    SearchStats stats;
    const std::vector<Neighbor> found = MustSearch(index_, kept, {.k = 1, .ef = 64}, &stats);
    missed += found.empty() || found[0].id != kKept ? 1 : 0;
    missed += index_.Contains(kKept) && index_.size() == 5 ? 0 : 1;
  });
  for (int move = 0; move < 400; ++move) {
    index_.Move();
  }
  readers.Stop();
  EXPECT_EQ(missed.load(), 0);
  EXPECT_FALSE(index_.is_graph());
}

TEST_F(PartitionIndexTest, OfTheTwoStructuresOneTakesMemory) {
  Fill(1, kThreshold);
  const std::size_t scan_bytes = index_.memory_bytes();
  HnswIndex graph(index_.codec(), kThreshold + kThreshold / 4);
  std::vector<float> vector(kDimension);
  for (const EntryId id : index_.Ids()) {
    ASSERT_TRUE(index_.Reconstruct(id, vector));
    ASSERT_THAT(graph.Add(id, vector), IsOk());
  }
  index_.Move();
  EXPECT_LE(index_.memory_bytes(), graph.memory_bytes() + scan_bytes / 10);
  index_.Move();
  EXPECT_LE(index_.memory_bytes(), scan_bytes + scan_bytes / 10);
}

class SnapshotTest : public PartitionIndexTest, public testing::WithParamInterface<bool> {
 protected:
  Result<std::unique_ptr<PartitionIndex>> Load() {
    auto index = std::make_unique<PartitionIndex>(kDimension, IndexMetric::kDot, Encoding::kInt8);
    NEARHIT_RETURN_IF_ERROR(LoadSnapshot(path_, index.get()));
    return index;
  }
  TempDir dir_;
  std::filesystem::path path_ = dir_.path() / "1-1.index";
};

TEST_P(SnapshotTest, RoundTrips) {
  Fill(1, kThreshold);
  if (GetParam()) {
    index_.Move();
  }
  ASSERT_THAT(WriteSnapshot(path_, index_, 17), IsOk());
  const auto loaded = Load();
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ((*loaded)->size(), kThreshold);
  EXPECT_EQ((*loaded)->is_graph(), GetParam());
  ExpectSelfFound(**loaded);
}

TEST_P(SnapshotTest, EveryDamageIsSeen) {
  Fill(1, 12);
  if (GetParam()) {
    index_.Move();
  }
  ASSERT_THAT(WriteSnapshot(path_, index_, 17), IsOk());
  const std::string good = *ReadWholeFile(path_, 1 << 20);
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    ASSERT_THAT(WriteFileAtomically(path_, bad), IsOk());
    EXPECT_THAT(Load(), StatusIs(StatusCode::kDataLoss)) << "flipped " << at;
    ASSERT_THAT(WriteFileAtomically(path_, good.substr(0, at)), IsOk());
    EXPECT_THAT(Load(), StatusIs(StatusCode::kDataLoss)) << "cut at " << at;
    at += 6;  // every seventh byte: each write syncs
  }
}

TEST_P(SnapshotTest, AnotherShapeIsRefused) {
  Fill(1, 12);
  ASSERT_THAT(WriteSnapshot(path_, index_, 17), IsOk());
  PartitionIndex wider(kDimension + 1, IndexMetric::kDot, Encoding::kInt8);
  EXPECT_THAT(LoadSnapshot(path_, &wider), StatusIs(StatusCode::kDataLoss));
  EXPECT_THAT(LoadSnapshot(dir_.path() / "none", &wider), StatusIs(StatusCode::kNotFound));
  EXPECT_EQ(wider.size(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Kinds, SnapshotTest, testing::Bool(),
                         [](const testing::TestParamInfo<bool>& param_info) {
                           return param_info.param ? "Graph" : "Flat";
                         });

}  // namespace
}  // namespace nearhit::partition_index_test
