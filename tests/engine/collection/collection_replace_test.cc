// Reads beside the replacement of an entry: they find the old one or the new one.

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/collection/collection.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

using testing::ElementsAre;

class CollectionReplaceTest : public testing::Test {
 protected:
  EntryId Put(std::string_view key = "key", const std::vector<std::string>& tags = {}) {
    const PutRequest request{.scope = "s", .key = key, .vector = vector_, .tags = tags};
    const auto put = collection_->Put({&request, 1}, /*sync=*/false);
    return put.ok() ? put->front().id : EntryId{};
  }
  std::vector<EntryId> Found(std::size_t k = 1, const TagFilter* filter = nullptr) {
    const auto found = collection_->Search("s", vector_, {.k = k, .filter = filter});
    EXPECT_THAT(found, IsOk());
    std::vector<EntryId> ids;
    for (const ScoredEntry& entry : *found) {
      ids.push_back(entry.id);
    }
    return ids;
  }
  // Each of the next reads of `family` comes after a replacement of "key".
  void ReplaceBeforeGets(Family family, int times) {
    store_.BeforeGets(family, [this, times]() mutable {
      if (times-- > 0) {
        newest_ = Put();
      }
    });
  }

  const std::vector<float> vector_ = {1, 0};
  ManualClock clock_;
  InterruptedStore store_;
  std::unique_ptr<IdAllocator> ids_ = *IdAllocator::Open(&store_);
  std::unique_ptr<Collection> collection_ =
      *Collection::Open(&store_, &clock_, ids_.get(), HashSecret{}, {.ns = 1, .dimension = 2});
  EntryId newest_;
};

TEST_F(CollectionReplaceTest, ASearchFindsTheKeyBeforeAndAfterTheCommit) {
  const TagFilter red{.all_of = {"red"}};
  const EntryId before = Put("key", {"red"});
  std::vector<EntryId> early;
  std::vector<EntryId> late;
  std::vector<EntryId> late_red;
  store_.BeforeWrites([&] { early = Found(2); });
  store_.AfterWrites([&] {
    late = Found(2);
    late_red = Found(2, &red);
  });
  const EntryId after = Put("key", {"red"});
  EXPECT_THAT(early, ElementsAre(before));
  EXPECT_THAT(late, ElementsAre(after));
  EXPECT_THAT(late_red, ElementsAre(after));
  EXPECT_THAT(Found(2), ElementsAre(after));
}

TEST_F(CollectionReplaceTest, AnEntryIsCountedOnceItIsStored) {
  Put();
  const std::uint64_t bytes = collection_->size().bytes;
  std::uint64_t visited = 0;
  store_.BeforeWrites([&] {
    EXPECT_EQ(collection_->size().entries, 1U);
    EXPECT_EQ(collection_->size().bytes, bytes);
    visited = collection_->Ids().size();
  });
  Put();
  EXPECT_EQ(visited, 1U);
  EXPECT_EQ(collection_->size().entries, 1U);
  EXPECT_EQ(collection_->size().bytes, bytes);
}

TEST_F(CollectionReplaceTest, AFailedReplacementLeavesTheOldEntryAlone) {
  const EntryId before = Put("key", {"red"});
  store_.FailWrites(true);
  std::vector<EntryId> meanwhile;
  store_.AfterWrites([&] { meanwhile = Found(2); });
  EXPECT_FALSE(Put("key", {"red", "unheard of"}));
  store_.FailWrites(false);
  EXPECT_THAT(meanwhile, ElementsAre(before));
  EXPECT_THAT(Found(2), ElementsAre(before));
  EXPECT_EQ(collection_->size().entries, 1U);
  EXPECT_EQ(collection_->stats().tags, 1U);
  ASSERT_THAT(collection_->Erase({&before, 1}, /*sync=*/false), IsOk());
  EXPECT_EQ(collection_->stats().tags, 0U);
  ASSERT_THAT(collection_->Maintain(nullptr), IsOk());
  EXPECT_EQ(collection_->stats().partitions, 0U);
}

TEST_F(CollectionReplaceTest, ASearchWhoseCandidateWasReplacedLooksAgain) {
  Put();
  ReplaceBeforeGets(Family::kVectors, 3);
  const std::vector<EntryId> found = Found();
  EXPECT_THAT(found, ElementsAre(newest_));
}

TEST_F(CollectionReplaceTest, AnExactMatchThatWasReplacedIsLookedForAgain) {
  Put();
  ReplaceBeforeGets(Family::kPayloads, 3);
  const auto found = collection_->Find("s", "key", ReadMode::kBlocking);
  ASSERT_THAT(found, IsOk());
  ASSERT_TRUE(*found);
  EXPECT_EQ((*found)->id, newest_);
}

TEST_F(CollectionReplaceTest, EntriesOnTheirWayHideNoneThatIsStored) {
  constexpr std::size_t kMany = 100;
  const EntryId stored = Put();
  std::vector<std::string> keys;
  std::vector<PutRequest> requests;
  keys.reserve(kMany);
  for (std::size_t i = 0; i < kMany; ++i) {
    keys.push_back("key " + std::to_string(i));
    requests.push_back({.scope = "s", .key = keys.back(), .vector = vector_});
  }
  std::vector<EntryId> meanwhile;
  const std::vector<float> near = {1, 0.02F};  // nearer to the query than the stored one
  store_.BeforeWrites([&] {
    const auto found = collection_->Search("s", near, {.k = 1});
    ASSERT_THAT(found, IsOk());
    for (const ScoredEntry& entry : *found) {
      meanwhile.push_back(entry.id);
    }
  });
  for (PutRequest& request : requests) {
    request.vector = near;
  }
  ASSERT_THAT(collection_->Put(requests, /*sync=*/false), IsOk());
  EXPECT_THAT(meanwhile, ElementsAre(stored));
}

TEST_F(CollectionReplaceTest, DamageDoesNotMakeASearchGoOnForever) {
  Put();
  WriteBatch batch;
  const EntryId lost = Put("other");
  batch.Delete(Family::kVectors, EntryKey(1, lost));
  ASSERT_THAT(store_.Write(batch, /*sync=*/false), IsOk());
  int reads = 0;
  store_.BeforeGets(Family::kVectors, [&reads] { ++reads; });
  EXPECT_EQ(Found(2).size(), 1U);
  // Again for what may have replaced it, and farther, by the index and above it.
  EXPECT_LE(reads, 12);
}

}  // namespace
}  // namespace nearhit
