// Vectors that come after their entries.

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
using testing::IsEmpty;

class CollectionVectorsTest : public testing::Test {
 protected:
  std::unique_ptr<Collection> Open() {
    return *Collection::Open(&store_, &clock_, ids_.get(), HashSecret{}, {.ns = 1, .dimension = 2});
  }
  EntryId Put(std::string_view key, VectorView vector = {}) {
    const PutRequest request{.scope = "s", .key = key, .vector = vector};
    return (*collection_->Put({&request, 1}, /*sync=*/false))[0].id;
  }
  Result<std::size_t> Add(EntryId id, VectorView vector) {
    const VectorAddition addition{.id = id, .vector = vector};
    return collection_->AddVectors({&addition, 1});
  }
  std::size_t Found(const Collection& collection) const {
    return collection.Search("s", vector_, {.k = 5})->size();
  }

  const std::vector<float> vector_ = {1, 0};
  ManualClock clock_;
  FailingStore store_;
  std::unique_ptr<IdAllocator> ids_ = *IdAllocator::Open(&store_);
  std::unique_ptr<Collection> collection_ = Open();
};

TEST_F(CollectionVectorsTest, AnEntryIsFoundOnceItHasItsVector) {
  const EntryId id = Put("key");
  EXPECT_EQ(Found(*collection_), 0U);
  EXPECT_THAT(collection_->WantingVectors(9), ElementsAre(id));
  EXPECT_THAT(Add(id, vector_), IsOkAndHolds(1U));
  EXPECT_EQ(Found(*collection_), 1U);
  EXPECT_THAT(collection_->WantingVectors(9), IsEmpty());
  EXPECT_EQ(collection_->stats().without_vector, 0U);
  const auto again = Open();
  EXPECT_EQ(Found(*again), 1U);
  EXPECT_EQ(again->size().bytes, collection_->size().bytes);
  ASSERT_THAT(collection_->Erase({&id, 1}, /*sync=*/false), IsOk());
  EXPECT_EQ(collection_->size().bytes, 0U);
  std::string value;
  EXPECT_THAT(store_.Get(Family::kVectors, EntryKey(1, id), ReadMode::kBlocking, &value),
              StatusIs(StatusCode::kNotFound));
}

TEST_F(CollectionVectorsTest, AVectorIsAddedOnceAndToWhatIsThere) {
  const std::vector<float> other = {0, 1};
  const EntryId id = Put("key", vector_);
  EXPECT_THAT(Add(id, other), IsOkAndHolds(0U));
  EXPECT_THAT(*collection_->ReadVector(id), testing::ElementsAreArray(vector_));
  ASSERT_THAT(collection_->Erase({&id, 1}, /*sync=*/false), IsOk());
  EXPECT_THAT(Add(id, other), IsOkAndHolds(0U));
  EXPECT_EQ(Found(*collection_), 0U);
}

TEST_F(CollectionVectorsTest, AFailedWriteChangesNothing) {
  const EntryId id = Put("key");
  const std::uint64_t bytes = collection_->size().bytes;
  store_.FailWrites(true);
  EXPECT_THAT(Add(id, vector_), StatusIs(StatusCode::kUnavailable));
  EXPECT_EQ(Found(*collection_), 0U);
  EXPECT_EQ(collection_->size().bytes, bytes);
  store_.FailWrites(false);
  EXPECT_THAT(Add(id, vector_), IsOkAndHolds(1U));
}

TEST_F(CollectionVectorsTest, ATextWithoutAVectorIsNotAskedForAgain) {
  const EntryId id = Put("key");
  EXPECT_THAT(Add(id, {}), IsOkAndHolds(0U));
  EXPECT_THAT(collection_->WantingVectors(9), IsEmpty());
  EXPECT_EQ(collection_->stats().without_vector, 1U);
  EXPECT_THAT(Add(id, vector_), IsOkAndHolds(1U));
  EXPECT_EQ(collection_->stats().without_vector, 0U);
}

TEST_F(CollectionVectorsTest, AtMostSoManyAreNamed) {
  for (int i = 0; i < 20; ++i) {
    Put(std::to_string(i));
  }
  EXPECT_EQ(collection_->WantingVectors(9).size(), 9U);
}

}  // namespace
}  // namespace nearhit
