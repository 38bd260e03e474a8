// A collection that starts from files: what storage says counts, whatever they hold.

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/collection/collection.h"
#include "engine/storage/memory_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/random_vectors.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

class CollectionSnapshotTest : public testing::Test {
 protected:
  static constexpr NamespaceNumber kNamespace = 1;
  static constexpr std::size_t kDimension = 8;
  static constexpr std::size_t kEntries = 2'100;  // enough for a file

  CollectionSnapshotTest() {
    const auto collection = Open(kEntries);
    for (std::size_t i = 0; i < kEntries; ++i) {
      Put(collection.get(), "s", i);
    }
    EXPECT_THAT(collection->Maintain(nullptr), IsOk());
    EXPECT_EQ(collection->stats().graph_partitions, 1U);
    EXPECT_THAT(collection->WriteSnapshots(), IsOk());
  }

  std::unique_ptr<Collection> Open(std::size_t graph_threshold) {
    auto opened = Collection::Open(store_.get(), &clock_, ids_.get(), secret_,
                                   {.ns = kNamespace,
                                    .dimension = kDimension,
                                    .snapshot_dir = dir_.path(),
                                    .graph_threshold = graph_threshold});
    EXPECT_THAT(opened, IsOk());
    return *std::move(opened);
  }
  EntryId Put(Collection* collection, const std::string& scope, std::size_t i) {
    vectors_.resize(std::max(vectors_.size(), i + 1));
    vectors_[i] = random_.Next();
    const std::string key = "key" + std::to_string(i);
    const PutRequest request{.scope = scope, .key = key, .vector = vectors_[i], .payload = key};
    const auto put = collection->Put({&request, 1}, /*sync=*/false);
    EXPECT_THAT(put, IsOk());
    return put->front().id;
  }
  EntryId Nearest(const Collection& collection, std::size_t i, const std::string& scope = "s") {
    const auto found = collection.Search(scope, vectors_[i], {.k = 1, .ef = 100});
    EXPECT_THAT(found, IsOk());
    return found->empty() ? EntryId{} : found->front().id;
  }

  const TempDir dir_;
  ManualClock clock_;
  HashSecret secret_{};
  std::unique_ptr<KvStore> store_ = NewMemoryStore();
  std::unique_ptr<IdAllocator> ids_ = *IdAllocator::Open(store_.get());
  RandomVectors random_{kDimension, 100, 7};
  std::vector<std::vector<float>> vectors_;
};

TEST_F(CollectionSnapshotTest, IsBroughtUpToDate) {
  EntryId added;
  {
    const auto collection = Open(kEntries);
    EXPECT_EQ(collection->stats().from_snapshots, kEntries);
    ASSERT_THAT(collection->Erase(std::vector<EntryId>{EntryId{5}, EntryId{7}}, /*sync=*/false),
                IsOk());
    added = Put(collection.get(), "s", kEntries);
  }
  const auto collection = Open(kEntries);
  EXPECT_EQ(collection->stats().from_snapshots, kEntries - 2);
  EXPECT_EQ(Nearest(*collection, kEntries), added);
  EXPECT_NE(Nearest(*collection, 4), EntryId{5});
  EXPECT_EQ(Nearest(*collection, 5), EntryId{6});
}

TEST_F(CollectionSnapshotTest, WhatWasErasedDoesNotComeBackWithItsFile) {
  {
    const auto collection = Open(kEntries);
    Put(collection.get(), "other", kEntries);
    std::vector<EntryId> all;
    for (std::size_t i = 0; i < kEntries; ++i) {
      all.push_back(EntryId{i + 1});
    }
    ASSERT_THAT(collection->Erase(all, /*sync=*/false), IsOk());
  }
  const auto collection = Open(kEntries);  // the file is there, and its partition has nothing
  EXPECT_EQ(collection->stats().from_snapshots, 0U);
  EXPECT_EQ(Nearest(*collection, 4), EntryId{});
  const EntryId again = Put(collection.get(), "s", 4);
  EXPECT_EQ(Nearest(*collection, 4), again);
  EXPECT_EQ(Nearest(*collection, 10), again);  // nothing that is gone is in its way
}

TEST_F(CollectionSnapshotTest, FilesOfOthersAreLeftAlone) {
  for (const char* name :
       {"1-.index", "1-9.index", "2-1.index", "1-1.index.tmp", "1-1x.index", "notes.txt"}) {
    std::ofstream(dir_.path() / name) << "not a snapshot";
  }
  const auto collection = Open(kEntries);
  EXPECT_EQ(collection->stats().from_snapshots, kEntries);
  for (const char* name :
       {"1-.index", "1-9.index", "2-1.index", "1-1.index.tmp", "1-1x.index", "notes.txt"}) {
    EXPECT_TRUE(std::filesystem::exists(dir_.path() / name)) << name;
  }
}

// Writes that come before the first maintenance do what it would have done.
TEST_F(CollectionSnapshotTest, ALoadedGraphTakesWritesAtOnce) {
  const auto collection = Open(kEntries);
  for (std::size_t i = 0; i < 200; ++i) {
    ASSERT_THAT(collection->Erase(std::vector<EntryId>{EntryId{i + 1}}, /*sync=*/false), IsOk());
    const EntryId id = Put(collection.get(), "s", kEntries + i);
    EXPECT_EQ(Nearest(*collection, kEntries + i), id);
  }
  EXPECT_THAT(collection->Maintain(nullptr), IsOk());
}

TEST_F(CollectionSnapshotTest, TheThresholdOfTheCollectionCounts) {
  const auto collection = Open(10 * kEntries);
  EXPECT_EQ(collection->stats().graph_partitions, 1U);  // as the file has it
  EXPECT_THAT(collection->Maintain(nullptr), IsOk());
  EXPECT_EQ(collection->stats().graph_partitions, 0U);
  EXPECT_EQ(Nearest(*collection, 5), EntryId{6});
}

}  // namespace
}  // namespace nearhit
