#include "engine/storage/cached_store.h"

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "engine/storage/memory_store.h"
#include "tests/engine/storage/kv_store_contract.h"
#include "tests/support/forwarding_store.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

constexpr std::size_t kRowBytes = std::size_t{1} << 20;

INSTANTIATE_TEST_SUITE_P(CachedMemory, KvStoreContract,
                         testing::Values([] { return CacheRows(NewMemoryStore(), kRowBytes); }));

// Counts the reads that come to it, and may fail writes or have no row at hand.
class SlowStore final : public ForwardingStore {
 public:
  explicit SlowStore(int* reads) : ForwardingStore(NewMemoryStore()), reads_(reads) {}

  Status Get(Family family, std::string_view key, ReadMode mode,
             std::string* value) const override {
    if (mode == ReadMode::kNonBlocking) {
      return WouldBlock("not in memory");
    }
    ++*reads_;
    return ForwardingStore::Get(family, key, mode, value);
  }
  // A write that fails when all of it is done.
  Status Write(const WriteBatch& batch, bool sync) override {
    NEARHIT_RETURN_IF_ERROR(ForwardingStore::Write(batch, sync));
    return sync ? Unavailable("the device is gone") : Status();
  }

 private:
  int* const reads_;
};

class CachedStoreTest : public testing::Test {
 protected:
  Status Put(Family family, const std::string& value, bool sync = false) {
    WriteBatch batch;
    batch.Put(family, "key", value);
    return store_->Write(batch, sync);
  }
  std::string Read(Family family = Family::kPayloads) {
    std::string value;
    const Status read = store_->Get(family, "key", ReadMode::kBlocking, &value);
    return read.ok() ? value : std::string(StatusCodeName(read.code()));
  }
  // Until it is answered from memory.
  void MakeHot() {
    ASSERT_THAT(Put(Family::kPayloads, "old"), IsOk());
    EXPECT_EQ(Read(), "old");
    EXPECT_EQ(Read(), "old");
    reads_ = 0;
    EXPECT_EQ(Read(), "old");
    ASSERT_EQ(reads_, 0);
  }

  int reads_ = 0;
  const std::unique_ptr<KvStore> store_ =
      CacheRows(std::make_unique<SlowStore>(&reads_), kRowBytes);
};

TEST_F(CachedStoreTest, ARowThatIsReadAgainIsAnsweredWithoutTheStore) {
  MakeHot();
  std::string value;
  EXPECT_THAT(store_->Get(Family::kPayloads, "key", ReadMode::kNonBlocking, &value), IsOk());
  EXPECT_EQ(value, "old");
}

TEST_F(CachedStoreTest, OnlyWhatAHitReadsIsKept) {
  ASSERT_THAT(Put(Family::kHeaders, "header"), IsOk());
  for (int i = 1; i <= 5; ++i) {
    EXPECT_EQ(Read(Family::kHeaders), "header");
    EXPECT_EQ(reads_, i);
  }
}

TEST_F(CachedStoreTest, AWriteIsSeenAtOnce) {
  MakeHot();
  ASSERT_THAT(Put(Family::kPayloads, "new"), IsOk());
  EXPECT_EQ(Read(), "new");
}

TEST_F(CachedStoreTest, AWriteThatFailedIsSeenAsTheStoreHasIt) {
  MakeHot();
  EXPECT_THAT(Put(Family::kPayloads, "half done", /*sync=*/true),
              StatusIs(StatusCode::kUnavailable));
  EXPECT_EQ(Read(), "half done");
}

TEST_F(CachedStoreTest, RowsOfADroppedPrefixAreGone) {
  MakeHot();
  ASSERT_THAT(store_->DropPrefix("other"), IsOk());
  EXPECT_EQ(Read(), "old");
  EXPECT_EQ(reads_, 0);
  ASSERT_THAT(store_->DropPrefix("ke"), IsOk());
  EXPECT_EQ(Read(), StatusCodeName(StatusCode::kNotFound));
}

}  // namespace
}  // namespace nearhit
