// Namespaces of which one entry cannot be read any more.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/database/namespace.h"
#include "engine/storage/memory_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

using testing::ElementsAre;

constexpr NamespaceNumber kNumber = 1;

class DamagedRowsTest : public testing::Test {
 protected:
  explicit DamagedRowsTest(NamespaceKind kind = NamespaceKind::kVectors) {
    NamespaceRecord record;
    record.name = "n";
    record.number = kNumber;
    record.config.kind = kind;
    record.config.dimension = 2;
    Contents contents;
    contents.collection =
        *Collection::Open(&store(), &clock_, ids_.get(), secret_, {.ns = kNumber, .dimension = 2});
    collection_ = contents.collection.get();
    if (kind == NamespaceKind::kCache) {
      contents.cache = std::make_unique<Cache>(
          collection_, &clock_, std::make_shared<LabelBook>(&store(), &clock_, kNumber), nullptr,
          record.config);
    } else {
      contents.vectors = std::make_unique<Vectors>(collection_, &clock_);
    }
    space_ = std::make_shared<Namespace>(&clock_, 1'000, record, std::move(contents));
  }

  KvStore& store() { return *store_; }
  void Damage(EntryId id) {
    WriteBatch batch;
    batch.Put(Family::kPayloads, EntryKey(kNumber, id),
              "\x01 is its version, and the rest no record");
    ASSERT_THAT(store().Write(batch, /*sync=*/false), IsOk());
  }

  const std::vector<float> vector_ = {1, 0};
  ManualClock clock_;
  HashSecret secret_{};
  std::unique_ptr<KvStore> store_ = NewMemoryStore();
  std::unique_ptr<IdAllocator> ids_ = *IdAllocator::Open(store_.get());
  Collection* collection_ = nullptr;
  std::shared_ptr<Namespace> space_;
};

class DamagedVectorsTest : public DamagedRowsTest {
 protected:
  DamagedVectorsTest() {
    a_ = Upsert("a");
    b_ = Upsert("b");
    c_ = Upsert("c");
    Damage(b_);
  }

  EntryId Upsert(std::string_view key) {
    const UpsertRequest request{.key = key, .vector = vector_};
    const auto ids = vectors_->Upsert({&request, 1}, Durability::kDefault);
    EXPECT_THAT(ids, IsOk());
    return ids->front();
  }
  std::vector<std::string> Found() {
    std::vector<std::string> keys;
    const auto hits = vectors_->Search(vector_, {});
    EXPECT_THAT(hits, IsOk());
    for (const VectorHit& hit : *hits) {
      keys.push_back(hit.key);
    }
    return keys;
  }

  const std::shared_ptr<VectorStore> vectors_ = MakeVectorsHandle(space_);
  EntryId a_;
  EntryId b_;
  EntryId c_;
};

TEST_F(DamagedVectorsTest, ASearchLeavesItOutAndCounts) {
  EXPECT_THAT(Found(), ElementsAre("a", "c"));
  NamespaceStats stats;
  Namespace::Call(space_.get()).vectors().AddStats(&stats);
  EXPECT_EQ(stats.read_errors, 1U);
}

TEST_F(DamagedVectorsTest, AScanNamesIt) {
  const auto page = vectors_->Scan({}, 10);
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->entries.size(), 2U);
  EXPECT_THAT(page->damaged, ElementsAre(b_));
  EXPECT_FALSE(page->next);
}

TEST_F(DamagedVectorsTest, AScanGoesOnBehindAPageOfIt) {
  const auto page = vectors_->Scan(a_, 1);
  ASSERT_THAT(page, IsOk());
  EXPECT_THAT(page->damaged, ElementsAre(b_));
  EXPECT_EQ(page->next, b_);
  EXPECT_EQ(vectors_->Scan(page->next, 1)->entries.at(0).key, "c");
}

TEST_F(DamagedVectorsTest, ItsKeyCanBeDeleted) {
  const std::string_view key = "b";
  EXPECT_THAT(vectors_->Delete({&key, 1}, Durability::kDefault), IsOkAndHolds(1U));
  EXPECT_EQ(collection_->size().entries, 2U);
  EXPECT_THAT(vectors_->Scan({}, 10)->damaged, ElementsAre());
}

TEST_F(DamagedVectorsTest, ItsKeyCanBeReplaced) {
  Upsert("b");
  EXPECT_EQ(collection_->size().entries, 3U);
  EXPECT_THAT(Found(), ElementsAre("a", "c", "b"));
}

class DamagedCacheTest : public DamagedRowsTest {
 protected:
  DamagedCacheTest() : DamagedRowsTest(NamespaceKind::kCache) {}
};

TEST_F(DamagedCacheTest, AScanNamesItAndAStoreReplacesIt) {
  const auto cache = MakeCacheHandle(space_);
  StoreRequest request;
  request.prompt = {.scope = "s", .slot = "hello", .vector = vector_};
  request.answer = "answer";
  const EntryId id = cache->Store(request)->id;
  Damage(id);
  EXPECT_THAT(cache->Scan({}, 10)->damaged, ElementsAre(id));
  EXPECT_TRUE(cache->Store(request)->replaced);
  EXPECT_THAT(cache->Scan({}, 10)->damaged, ElementsAre());
  EXPECT_EQ(cache->Scan({}, 10)->entries.size(), 1U);
}

}  // namespace
}  // namespace nearhit
