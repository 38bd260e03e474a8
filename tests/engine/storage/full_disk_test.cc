// A disk that has no space left but that of the ballast.

#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "engine/storage/ballast.h"
#include "engine/storage/rocksdb_store.h"
#include "tests/engine/storage/faulty_file_system.h"
#include "tests/support/eventually.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

class FullDiskTest : public testing::Test {
 protected:
  Result<std::unique_ptr<KvStore>> Open() {
    return OpenRocksDbStore({.path = dir_.path(), .ballast_bytes = 1 << 20, .file_system = disk_});
  }
  static Status Put(KvStore* store, const std::string& key) {
    WriteBatch batch;
    batch.Put(Family::kPayloads, key, "value");
    return store->Write(batch, true);
  }
  void FillDisk() {
    disk_->Fail(
        {.calls = {DiskCall::kWrite}, .lasting = true, .error = ENOSPC, .while_exists = ballast_});
  }

  TempDir dir_;
  const std::filesystem::path ballast_ = dir_.path() / "BALLAST";
  const std::shared_ptr<FaultyFileSystem> disk_ = std::make_shared<FaultyFileSystem>();
};

TEST_F(FullDiskTest, DeletesGetTheBallast) {
  const auto store = Open();
  ASSERT_THAT(store, IsOk());
  ASSERT_EQ(std::filesystem::file_size(ballast_), std::uintmax_t{1} << 20);
  ASSERT_THAT(Put(store->get(), "kept"), IsOk());
  ASSERT_THAT(Put(store->get(), "gone"), IsOk());
  FillDisk();
  EXPECT_THAT(Put(store->get(), "new"), StatusIs(StatusCode::kResourceExhausted));
  EXPECT_TRUE(std::filesystem::exists(ballast_)) << "it is for deletes";
  WriteBatch batch;
  batch.Delete(Family::kPayloads, "gone");
  ASSERT_THAT((*store)->Write(batch, true), IsOk());
  EXPECT_FALSE(std::filesystem::exists(ballast_));
  EXPECT_THAT(Put(store->get(), "new"), StatusIs(StatusCode::kResourceExhausted));
  std::string value;
  EXPECT_THAT((*store)->Get(Family::kPayloads, "kept", ReadMode::kBlocking, &value), IsOk());
  disk_->Heal();
  EXPECT_TRUE(Eventually([&] { return (*store)->Flush().ok(); }));  // there is room again
  EXPECT_TRUE(std::filesystem::exists(ballast_));
  EXPECT_THAT(Put(store->get(), "new"), IsOk());
  EXPECT_THAT((*store)->Get(Family::kPayloads, "gone", ReadMode::kBlocking, &value),
              StatusIs(StatusCode::kNotFound));
}

TEST_F(FullDiskTest, AStartGetsTheBallast) {
  ASSERT_THAT(Put(Open()->get(), "k"), IsOk());
  FillDisk();
  const auto store = Open();
  ASSERT_THAT(store, IsOk());
  std::string value;
  EXPECT_THAT((*store)->Get(Family::kPayloads, "k", ReadMode::kBlocking, &value), IsOk());
}

TEST_F(FullDiskTest, NoBallastWhereThereIsNoRoomForIt) {
  const std::uint64_t free = std::filesystem::space(dir_.path()).available;
  Ballast ballast(ballast_, free / 4 * 3);
  ballast.Restore();
  EXPECT_FALSE(std::filesystem::exists(ballast_));
  EXPECT_FALSE(ballast.Release());
  EXPECT_FALSE(ballast.released());
}

}  // namespace
}  // namespace nearhit
