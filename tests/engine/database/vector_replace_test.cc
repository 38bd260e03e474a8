// Searches of a vectors namespace beside upserts of the same key.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/database/namespace.h"
#include "nearhit/vector_store.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

std::shared_ptr<VectorStore> MakeVectors(KvStore* store, const Clock* clock, IdAllocator* ids) {
  NamespaceRecord record;
  record.config.kind = NamespaceKind::kVectors;
  record.config.dimension = 2;
  Contents contents;
  contents.collection =
      *Collection::Open(store, clock, ids, HashSecret{}, {.ns = 1, .dimension = 2});
  contents.vectors = std::make_unique<Vectors>(contents.collection.get(), clock);
  return MakeVectorsHandle(
      std::make_shared<Namespace>(clock, std::size_t{100}, record, std::move(contents)));
}

class VectorReplaceTest : public testing::Test {
 protected:
  void Upsert(std::string_view key) {
    UpsertRequest request;
    request.key = key;
    request.vector = vector_;
    EXPECT_THAT(vectors_->Upsert({&request, 1}, Durability::kDefault), IsOk());
  }
  // Each of the next reads of payloads comes after an upsert of the key.
  void UpsertBeforeReads(const std::string& key, int times) {
    store_.BeforeGets(Family::kPayloads, [this, key, times]() mutable {
      if (times-- > 0) {
        Upsert(key);
      }
    });
  }

  const std::vector<float> vector_ = {1, 0};
  const ManualClock clock_;
  InterruptedStore store_;
  std::unique_ptr<IdAllocator> ids_ = *IdAllocator::Open(&store_);
  std::shared_ptr<VectorStore> vectors_ = MakeVectors(&store_, &clock_, ids_.get());
};

TEST_F(VectorReplaceTest, ASearchWhoseHitWasReplacedStillHasAllOfThem) {
  Upsert("a");
  Upsert("b");
  Upsert("c");
  UpsertBeforeReads("a", 3);
  VectorSearchOptions options;
  options.k = 3;
  const auto hits = vectors_->Search(vector_, options);
  ASSERT_THAT(hits, IsOk());
  std::vector<std::string> keys;
  for (const VectorHit& hit : *hits) {
    keys.push_back(hit.key);
  }
  EXPECT_THAT(keys, testing::UnorderedElementsAre("a", "b", "c"));
}

// Rows that a batch deletes can be read until the write returns, as from a cache of rows.
class LateStore final : public ForwardingStore {
 public:
  LateStore() : ForwardingStore(NewMemoryStore()) {}

  Status Get(Family family, std::string_view key, ReadMode mode,
             std::string* value) const override {
    if (const auto row = deleted_.find(std::pair(family, std::string(key)));
        row != deleted_.end()) {
      *value = row->second;
      return Status();
    }
    return ForwardingStore::Get(family, key, mode, value);
  }
  Status Write(const WriteBatch& batch, bool sync) override {
    for (const WriteBatch::Operation& operation : batch.operations()) {
      std::string value;
      if (operation.kind == WriteBatch::Kind::kDelete &&
          ForwardingStore::Get(operation.family, operation.key, ReadMode::kBlocking, &value).ok()) {
        deleted_.emplace(std::pair(operation.family, operation.key), value);
      }
    }
    Status written = ForwardingStore::Write(batch, sync);
    if (before_return_ != nullptr) {
      before_return_();
    }
    deleted_.clear();
    return written;
  }

  void BeforeReturn(std::function<void()> action) { before_return_ = std::move(action); }

 private:
  std::map<std::pair<Family, std::string>, std::string> deleted_;
  std::function<void()> before_return_;
};

TEST(VectorReplaceBetweenReadsTest, AKeyIsFoundOnce) {
  const ManualClock clock;
  LateStore store;
  const std::unique_ptr<IdAllocator> ids = *IdAllocator::Open(&store);
  const std::shared_ptr<VectorStore> vectors = MakeVectors(&store, &clock, ids.get());
  const std::vector<float> vector = {1, 0};
  UpsertRequest request;
  request.key = "a";
  request.vector = vector;
  request.payload = "old";
  ASSERT_THAT(vectors->Upsert({&request, 1}, Durability::kDefault), IsOk());
  std::vector<std::string> found;
  store.BeforeReturn([&] {
    VectorSearchOptions options;
    options.k = 2;
    options.with_payload = true;
    const auto hits = vectors->Search(vector, options);
    ASSERT_THAT(hits, IsOk());
    for (const VectorHit& hit : *hits) {
      found.push_back(hit.payload);
    }
  });
  request.payload = "new";
  ASSERT_THAT(vectors->Upsert({&request, 1}, Durability::kDefault), IsOk());
  EXPECT_THAT(found, testing::ElementsAre("new"));
}

TEST_F(VectorReplaceTest, AScanMeetsTheKeyThatWasReplacedOnItsLastPage) {
  Upsert("a");
  UpsertBeforeReads("a", 2);
  std::vector<std::string> keys;
  EntryId after;
  do {
    const auto page = vectors_->Scan(after, 10);
    ASSERT_THAT(page, IsOk());
    for (const VectorEntry& entry : page->entries) {
      keys.push_back(entry.key);
    }
    after = page->next;
  } while (after);
  EXPECT_THAT(keys, testing::ElementsAre("a"));
}

}  // namespace
}  // namespace nearhit
