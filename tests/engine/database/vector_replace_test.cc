// Searches of a vectors namespace beside upserts of the same key.

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

class VectorReplaceTest : public testing::Test {
 protected:
  VectorReplaceTest() {
    NamespaceRecord record;
    record.config.kind = NamespaceKind::kVectors;
    record.config.dimension = 2;
    Contents contents;
    contents.collection =
        *Collection::Open(&store_, &clock_, ids_.get(), HashSecret{}, {.ns = 1, .dimension = 2});
    vectors_ = MakeVectorsHandle(
        std::make_shared<Namespace>(&clock_, std::size_t{100}, record, std::move(contents)));
  }
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
  std::shared_ptr<VectorStore> vectors_;
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
