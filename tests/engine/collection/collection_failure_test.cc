// A collection whose storage refuses writes for a while.

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/collection/collection.h"
#include "engine/storage/memory_store.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

class CollectionFailureTest : public testing::Test {
 protected:
  Result<std::vector<PutResult>> Put(std::string_view key, const std::vector<std::string>& tags) {
    const PutRequest request{.scope = "s", .key = key, .vector = vector_, .tags = tags};
    return collection_->Put({&request, 1}, /*sync=*/false);
  }

  const std::vector<float> vector_ = {1, 0};
  ManualClock clock_;
  HashSecret secret_{};
  FailingStore store_;
  std::unique_ptr<IdAllocator> ids_ = *IdAllocator::Open(&store_);
  std::unique_ptr<Collection> collection_ =
      *Collection::Open(&store_, &clock_, ids_.get(), secret_, {.ns = 1, .dimension = 2});
};

TEST_F(CollectionFailureTest, AFailedPutLeavesNothingInMemory) {
  ASSERT_THAT(Put("a", {"red"}), IsOk());
  store_.FailWrites(true);
  EXPECT_THAT(Put("b", {"red", "unheard of"}), StatusIs(StatusCode::kUnavailable));
  EXPECT_EQ(collection_->size().entries, 1U);
  EXPECT_EQ(collection_->stats().tags, 1U);
  // Nothing else holds the tag.
  store_.FailWrites(false);
  ASSERT_THAT(collection_->Erase(collection_->Ids(), /*sync=*/false), IsOk());
  EXPECT_EQ(collection_->stats().tags, 0U);
}

TEST_F(CollectionFailureTest, TagsGoWithTheirLastEntry) {
  for (int i = 0; i < 100; ++i) {
    const std::string trace = "trace" + std::to_string(i);
    ASSERT_THAT(Put("same key", {"red", trace, trace}), IsOk());
  }
  EXPECT_EQ(collection_->stats().tags, 2U);
  const std::string last = "trace99";
  EXPECT_EQ(collection_->Select({.tags = {&last, 1}})->size(), 1U);
  ASSERT_THAT(collection_->Erase(collection_->Ids(), /*sync=*/false), IsOk());
  EXPECT_EQ(collection_->stats().tags, 0U);
}

TEST_F(CollectionFailureTest, TagsAreAsManyAfterOpeningAgain) {
  ASSERT_THAT(Put("a", {"red", "blue"}), IsOk());
  ASSERT_THAT(Put("b", {"red"}), IsOk());
  const auto again =
      *Collection::Open(&store_, &clock_, ids_.get(), secret_, {.ns = 1, .dimension = 2});
  EXPECT_EQ(again->stats().tags, 2U);
  const std::string red = "red";
  EXPECT_EQ(again->Select({.tags = {&red, 1}})->size(), 2U);
  ASSERT_THAT(again->Erase(*again->IdsAfter(EntryId{}, 10), /*sync=*/false), IsOk());
  EXPECT_EQ(again->stats().tags, 0U);
}

// Without it a power cut after unsynced writes would give the same ids to other entries.
TEST_F(CollectionFailureTest, IdsAreReservedOnTheDevice) {
  ASSERT_THAT(ids_->Take(1), IsOk());
  EXPECT_EQ(store_.synced_writes(), 1U);
  ASSERT_THAT(ids_->Take(IdAllocator::kBlock - 1), IsOk());
  EXPECT_EQ(store_.synced_writes(), 1U);
  ASSERT_THAT(ids_->Take(1), IsOk());
  EXPECT_EQ(store_.synced_writes(), 2U);
}

// What does not stand in memory may not be waited for by whoever asks for memory only.
class ColdPartitionsStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Status Get(Family family, std::string_view key, ReadMode mode,
             std::string* value) const override {
    return family == Family::kPartitions && mode == ReadMode::kNonBlocking
               ? WouldBlock("not in memory")
               : ForwardingStore::Get(family, key, mode, value);
  }
};

TEST(ColdPartitionsTest, ALongScopeIsComparedInTheTierThatWasAskedFor) {
  const ManualClock clock;
  ColdPartitionsStore store(NewMemoryStore());
  const auto ids = *IdAllocator::Open(&store);
  const auto collection = *Collection::Open(&store, &clock, ids.get(), {}, {.ns = 1});
  const std::string scope(kScopeBytesInMemory + 1, 's');
  const PutRequest request{.scope = scope, .key = "key"};
  ASSERT_THAT(collection->Put({&request, 1}, /*sync=*/false), IsOk());
  ScopeRef resolved(scope);
  EXPECT_THAT(collection->Resolve(&resolved, ReadMode::kNonBlocking),
              StatusIs(StatusCode::kWouldBlock));
  EXPECT_THAT(collection->Find(scope, "key", ReadMode::kNonBlocking),
              StatusIs(StatusCode::kWouldBlock));
  // It goes on where it stopped, and what was read once stays in memory.
  EXPECT_THAT(collection->Resolve(&resolved, ReadMode::kBlocking), IsOk());
  EXPECT_TRUE(resolved.has_entries());
  EXPECT_THAT(collection->Find(resolved, "key", ReadMode::kNonBlocking), IsOk());
  EXPECT_THAT(collection->Find(scope, "key", ReadMode::kNonBlocking), IsOk());
}

}  // namespace
}  // namespace nearhit
