// Opening a collection over storage that is not whole.

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/collection/collection.h"
#include "engine/storage/memory_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/random_vectors.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

constexpr NamespaceNumber kNamespace = 1;
constexpr std::size_t kDimension = 8;
constexpr std::size_t kEntries = 20;

class CollectionOpenTest : public testing::Test {
 protected:
  CollectionOpenTest() {
    auto collection = Open();
    EXPECT_THAT(collection, IsOk());
    for (std::size_t i = 0; i < kEntries; ++i) {
      vectors_.push_back(random_.Next());
      const std::string key = "key" + std::to_string(i);
      const PutRequest request{.scope = "s", .key = key, .vector = vectors_[i], .payload = key};
      EXPECT_THAT((*collection)->Put({&request, 1}, /*sync=*/false), IsOk());
    }
  }

  Result<std::unique_ptr<Collection>> Open() {
    return Collection::Open(store_.get(), &clock_, ids_.get(), secret_,
                            {.ns = kNamespace, .dimension = kDimension});
  }
  void Overwrite(Family family, std::size_t entry, const std::string& value) {
    WriteBatch batch;
    batch.Put(family, EntryKey(kNamespace, IdOf(entry)), value);
    ASSERT_THAT(store_->Write(batch, /*sync=*/false), IsOk());
  }
  static EntryId IdOf(std::size_t entry) { return EntryId{entry + 1}; }
  std::vector<EntryId> Nearest(const Collection& collection, std::size_t entry) {
    const auto results = collection.Search("s", vectors_[entry], {.k = kEntries});
    EXPECT_THAT(results, IsOk());
    std::vector<EntryId> ids;
    for (const ScoredEntry& found : *results) {
      ids.push_back(found.id);
    }
    return ids;
  }

  ManualClock clock_;
  HashSecret secret_{};
  std::unique_ptr<KvStore> store_ = NewMemoryStore();
  std::unique_ptr<IdAllocator> ids_ = *IdAllocator::Open(store_.get());
  RandomVectors random_{kDimension, 5, 7};
  std::vector<std::vector<float>> vectors_;
};

TEST_F(CollectionOpenTest, ADamagedVectorIsLeftOutAndTheRestIsServed) {
  Overwrite(Family::kVectors, 3, "damaged");
  WriteBatch batch;
  batch.Delete(Family::kVectors, EntryKey(kNamespace, IdOf(5)));
  ASSERT_THAT(store_->Write(batch, /*sync=*/false), IsOk());

  const auto collection = Open();
  ASSERT_THAT(collection, IsOk());
  EXPECT_EQ((*collection)->stats().damaged, 2U);
  EXPECT_EQ((*collection)->size().entries, kEntries);
  const std::vector<EntryId> nearest = Nearest(**collection, 3);
  EXPECT_EQ(nearest.size(), kEntries - 2);
  EXPECT_THAT(nearest, testing::Not(testing::Contains(testing::AnyOf(IdOf(3), IdOf(5)))));
  EXPECT_EQ(Nearest(**collection, 4).front(), IdOf(4));
  // The exact tier does not need the vector.
  const auto found = (*collection)->Find("s", "key3", ReadMode::kBlocking);
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ((*found)->record.payload, "key3");
}

// The nearest has expired, the vector of the second turns out damaged, the third is live.
TEST_F(CollectionOpenTest, WhatIsBehindExpiredAndDamagedEntriesIsFound) {
  const auto collection = Open();
  ASSERT_THAT(collection, IsOk());
  const std::vector<std::vector<float>> vectors = {
      {1, 0, 0, 0, 0, 0, 0, 0}, {1, 0, 0, 0, 0, 0, 0, 0}, {0.96F, 0.28F, 0, 0, 0, 0, 0, 0}};
  std::vector<EntryId> ids;
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const std::string key = std::to_string(i);
    const auto put =
        (*collection)
            ->Put(std::vector<PutRequest>{{.scope = "other",
                                           .key = key,
                                           .vector = vectors[i],
                                           .expires_us = i == 0 ? clock_.NowMicros() + 1'000 : 0}},
                  /*sync=*/false);
    ASSERT_THAT(put, IsOk());
    ids.push_back(put->front().id);
  }
  clock_.AdvanceMillis(1);
  WriteBatch batch;
  batch.Put(Family::kVectors, EntryKey(kNamespace, ids[1]), "damaged");
  ASSERT_THAT(store_->Write(batch, /*sync=*/false), IsOk());
  const auto found = (*collection)->Search("other", vectors[0], {.k = 1, .min_score = 0.9F});
  ASSERT_THAT(found, IsOk());
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().id, ids[2]);
  // Nothing else is as close as that, but what is damaged might be.
  bool damaged = false;
  const auto closer =
      (*collection)->Search("other", vectors[0], {.k = 1, .min_score = 0.99F, .damaged = &damaged});
  ASSERT_THAT(closer, IsOk());
  EXPECT_TRUE(closer->empty() || closer->front().score < 0.99F);
  EXPECT_TRUE(damaged);
}

TEST_F(CollectionOpenTest, ADamagedEntryCanBeReplacedAndErased) {
  Overwrite(Family::kVectors, 3, "damaged");
  Overwrite(Family::kVectors, 4, "damaged");
  {
    const auto collection = Open();
    ASSERT_THAT(collection, IsOk());
    const PutRequest request{.scope = "s", .key = "key3", .vector = vectors_[3], .payload = "new"};
    ASSERT_THAT((*collection)->Put({&request, 1}, /*sync=*/false), IsOk());
    const EntryId id = IdOf(4);
    EXPECT_THAT((*collection)->Erase({&id, 1}, /*sync=*/false),
                IsOkAndHolds(testing::ElementsAre(id)));
  }
  const auto collection = Open();
  ASSERT_THAT(collection, IsOk());
  EXPECT_EQ((*collection)->stats().damaged, 0U);
  EXPECT_EQ((*collection)->size().entries, kEntries - 1);
  EXPECT_EQ(Nearest(**collection, 3).size(), kEntries - 1);
}

// Else nothing under its hash could ever be replaced, evicted or deleted again.
TEST_F(CollectionOpenTest, ADamagedRowOfTheExactTierIsWrittenAnew) {
  const auto collection = Open();
  ASSERT_THAT(collection, IsOk());
  WriteBatch batch;
  for (const std::size_t entry : {3U, 4U}) {
    const std::string key = EntryKey(kNamespace, IdOf(entry));
    std::string value;
    ASSERT_THAT(store_->Get(Family::kHeaders, key, ReadMode::kBlocking, &value), IsOk());
    batch.Put(Family::kKeys, ExactKey(kNamespace, DecodeHeader(key, value)->key_hash), "damaged");
  }
  ASSERT_THAT(store_->Write(batch, /*sync=*/false), IsOk());

  const PutRequest request{.scope = "s", .key = "key3", .vector = vectors_[3], .payload = "new"};
  ASSERT_THAT((*collection)->Put({&request, 1}, /*sync=*/false), IsOk());
  const auto found = (*collection)->Find("s", "key3", ReadMode::kBlocking);
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ((*found)->record.payload, "new");
  const EntryId id = IdOf(4);
  EXPECT_THAT((*collection)->Erase({&id, 1}, /*sync=*/false),
              IsOkAndHolds(testing::ElementsAre(id)));
  EXPECT_THAT((*collection)->Find("s", "key4", ReadMode::kBlocking),
              IsOkAndHolds(testing::Eq(std::nullopt)));
}

// Between the commit of a replacement and the table that follows it, the table names an entry that
// is gone. A second collection over the same storage stands in for the writer at that moment.
TEST_F(CollectionOpenTest, AnEntryReplacedAMomentAgoIsFoundByItsStoredRow) {
  const auto reader = Open();
  const auto writer = Open();
  ASSERT_THAT(reader, IsOk());
  ASSERT_THAT(writer, IsOk());
  const PutRequest request{.scope = "s", .key = "key3", .vector = vectors_[3], .payload = "new"};
  ASSERT_THAT((*writer)->Put({&request, 1}, /*sync=*/false), IsOk());
  const auto found = (*reader)->Find("s", "key3", ReadMode::kBlocking);
  ASSERT_THAT(found, IsOk());
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->record.payload, "new");
}

// Headers are what says which entries there are: without one, nothing can be said.
TEST_F(CollectionOpenTest, ADamagedHeaderIsAnError) {
  Overwrite(Family::kHeaders, 3, "damaged");
  EXPECT_THAT(Open(), StatusIs(StatusCode::kDataLoss));
}

}  // namespace
}  // namespace nearhit
