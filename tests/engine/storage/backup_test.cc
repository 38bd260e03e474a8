// Backups of a store that is open: what they have, and what a failing disk leaves of one.

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/file.h"
#include "engine/storage/high_water_mark.h"
#include "engine/storage/memory_store.h"
#include "engine/storage/rocksdb_store.h"
#include "tests/engine/storage/faulty_file_system.h"
#include "tests/support/eventually.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

using std::filesystem::path;

// Links are copies, and some of them are changed.
class DamagingFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  using Damage = std::function<void(const path& copy)>;

  DamagingFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "DamagingFileSystem"; }
  void SetDamage(Damage damage) { damage_ = std::move(damage); }

  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to,
                             const rocksdb::IOOptions& /*options*/,
                             rocksdb::IODebugContext* /*dbg*/) override {
    std::filesystem::copy_file(from, to);
    damage_(to);
    return rocksdb::IOStatus::OK();
  }

 private:
  Damage damage_;
};

class BackupTest : public testing::Test {
 protected:
  std::unique_ptr<KvStore> Open(const path& directory,
                                std::shared_ptr<rocksdb::FileSystem> disk = nullptr) {
    auto store = OpenRocksDbStore(
        {.path = directory, .ballast_bytes = 1 << 20, .file_system = std::move(disk)});
    EXPECT_THAT(store, IsOk());
    return *std::move(store);
  }
  static Status Put(KvStore* store, const std::string& key, std::size_t bytes = 100) {
    WriteBatch batch;
    batch.Put(Family::kHeaders, key, "header");
    batch.Put(Family::kPayloads, key, std::string(bytes, 'v'));
    return store->Write(batch, false);
  }
  static std::string Get(const KvStore& store, const std::string& key) {
    std::string value;
    const Status read = store.Get(Family::kPayloads, key, ReadMode::kBlocking, &value);
    return read.ok() ? value : read.ToString();
  }
  // Rows in tables and in a blob file, and others that are only in the log.
  void Fill() {
    {
      const auto store = Open(source_);
      for (int i = 0; i < 200; ++i) {
        ASSERT_THAT(Put(store.get(), "table " + std::to_string(i), 100), IsOk());
      }
      ASSERT_THAT(Put(store.get(), "blob", 20'000), IsOk());
    }
    ASSERT_THAT(Put(Open(source_).get(), "log"), IsOk());  // the start has made tables
  }
  std::vector<path> Files(const path& directory, const std::string& extension) {
    std::vector<path> files;
    for (const auto& file : std::filesystem::directory_iterator(directory)) {
      if (file.path().extension() == extension) {
        files.push_back(file.path());
      }
    }
    return files;
  }
  std::size_t CountOf(const path& directory) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory),
                                                  std::filesystem::directory_iterator()));
  }

  TempDir dir_;
  const path source_ = dir_.path() / "source";
  const path backups_ = dir_.path() / "backups";
  const path backup_ = backups_ / "one";

  BackupTest() { std::filesystem::create_directory(backups_); }
};

TEST_F(BackupTest, IsAStoreOfItsOwnWithAMarkThatFits) {
  Fill();
  const auto store = Open(source_);
  ASSERT_THAT(Put(store.get(), "last"), IsOk());
  const auto info = store->Backup(backup_);
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->files, CountOf(backup_));
  EXPECT_GT(info->bytes, 200U);
  EXPECT_EQ(CountOf(backups_), 1U) << "something else is left";
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(backup_).permissions(), perms::owner_all);
  for (const auto& file : std::filesystem::directory_iterator(backup_)) {
    EXPECT_EQ(file.status().permissions(), perms::owner_read | perms::owner_write) << file.path();
  }
  for (const std::string extension : {".sst", ".blob"}) {
    ASSERT_FALSE(Files(backup_, extension).empty()) << extension;
    for (const path& file : Files(backup_, extension)) {
      EXPECT_EQ(std::filesystem::hard_link_count(file), 2U) << file;
    }
  }
  const auto mark = ReadHighWaterMark(backup_ / "HIGHWATER");
  ASSERT_THAT(mark, IsOk());
  EXPECT_EQ(mark->sequence, store->LatestSequence());
  EXPECT_EQ(mark->logs.size(), Files(backup_, ".log").size());
  EXPECT_FALSE(mark->logs.empty());
  ASSERT_THAT(Put(store.get(), "later"), IsOk());

  const auto copy = Open(backup_);
  EXPECT_EQ(copy->lost_sequences(), 0U);
  EXPECT_EQ(Get(*copy, "table 7"), std::string(100, 'v'));
  EXPECT_EQ(Get(*copy, "blob"), std::string(20'000, 'v'));
  EXPECT_EQ(Get(*copy, "last"), std::string(100, 'v'));
  EXPECT_EQ(Get(*copy, "later"), "NOT_FOUND: key is not stored");
  ASSERT_THAT(Put(copy.get(), "own"), IsOk());
  EXPECT_EQ(Get(*store, "own"), "NOT_FOUND: key is not stored");
}

// The logs of a backup have the numbers of those of the store.
TEST_F(BackupTest, DoesNotTouchTheMarkOfTheStore) {
  const auto store = Open(source_);
  ASSERT_THAT(Put(store.get(), "k"), IsOk());
  ASSERT_THAT(store->Flush(), IsOk());
  const auto before = ReadHighWaterMark(source_ / "HIGHWATER");
  ASSERT_THAT(before, IsOk());
  ASSERT_FALSE(before->logs.empty());
  ASSERT_THAT(store->Backup(backup_), IsOk());
  std::filesystem::create_directory(backups_ / ".two.nearhit-backup");  // left by a crash
  ASSERT_THAT(store->Backup(backups_ / "two"), IsOk());
  ASSERT_THAT(Put(store.get(), "more"), IsOk());
  ASSERT_THAT(store->Flush(), IsOk());
  const auto after = ReadHighWaterMark(source_ / "HIGHWATER");
  ASSERT_THAT(after, IsOk());
  ASSERT_EQ(after->logs.size(), before->logs.size());
  EXPECT_EQ(after->logs[0].number, before->logs[0].number);
  EXPECT_GT(after->logs[0].bytes, before->logs[0].bytes);
}

TEST_F(BackupTest, RefusesDirectoriesThatCannotBe) {
  const auto store = Open(source_);
  std::filesystem::create_directory(backup_);
  EXPECT_THAT(store->Backup(backup_), StatusIs(StatusCode::kAlreadyExists));
  EXPECT_THAT(store->Backup(backup_ / ""), StatusIs(StatusCode::kAlreadyExists));
  EXPECT_THAT(store->Backup(backups_ / "none" / "x"), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(store->Backup(source_ / "x"), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(store->Backup(backups_ / ".." / "source" / "x"),
              StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(store->Backup({}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(NewMemoryStore()->Backup(backups_ / "x"), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_EQ(CountOf(backups_), 1U);
}

// Each call of a kind fails in turn, then each and all that follow, until a backup needs no more.
TEST_F(BackupTest, AFailingDiskLeavesNothingOfItAndTheStoreAsItWas) {
  Fill();
  const auto disk = std::make_shared<FaultyFileSystem>();
  auto store = Open(source_, disk);
  int refused = 0;
  for (const DiskCall call : {DiskCall::kOpen, DiskCall::kWrite, DiskCall::kSync, DiskCall::kRename,
                              DiskCall::kSyncDirectory, DiskCall::kLink}) {
    for (const int error : {ENOSPC, EIO}) {
      for (std::uint64_t nth = 1;; ++nth) {
        ASSERT_LT(nth, 100U);
        ASSERT_THAT(Put(store.get(), "before"), IsOk());
        ASSERT_THAT(store->Flush(), IsOk());
        const auto before = ReadHighWaterMark(source_ / "HIGHWATER");
        ASSERT_THAT(before, IsOk());
        disk->Fail({.calls = {call}, .nth = nth, .lasting = error == ENOSPC, .error = error});
        const auto made = store->Backup(backup_);
        const bool failed = disk->failures() > 0;
        disk->Heal();
        ASSERT_EQ(ReadHighWaterMark(source_ / "HIGHWATER")->logs, before->logs)
            << "a log of the copy was taken for one of the store";
        if (!failed) {
          ASSERT_THAT(made, IsOk());
          std::filesystem::remove_all(backup_);
          break;
        }
        ++refused;
        ASSERT_THAT(made, StatusIs(error == ENOSPC ? StatusCode::kResourceExhausted
                                                   : StatusCode::kUnavailable))
            << static_cast<int>(call) << ' ' << nth;
        ASSERT_EQ(CountOf(backups_), 0U);
        ASSERT_THAT(Put(store.get(), "k" + std::to_string(refused)), IsOk());
      }
    }
  }
  EXPECT_GT(refused, 20);
  store.reset();
  store = Open(source_);
  EXPECT_EQ(store->lost_sequences(), 0U);
  for (int i = 1; i <= refused; ++i) {
    EXPECT_EQ(Get(*store, "k" + std::to_string(i)), std::string(100, 'v')) << i;
  }
}

// What the check of a copy finds: files of another size, and bytes of headers.
TEST_F(BackupTest, ADamagedCopyIsRemoved) {
  Fill();
  const auto disk = std::make_shared<DamagingFileSystem>();
  const auto store = Open(source_, disk);
  for (const std::string extension : {".sst", ".blob"}) {
    disk->SetDamage([&](const path& file) {
      if (file.extension() == extension) {
        std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1);
      }
    });
    EXPECT_THAT(store->Backup(backup_), StatusIs(StatusCode::kDataLoss)) << extension;
    EXPECT_EQ(CountOf(backups_), 0U);
  }
  disk->SetDamage([&](const path& file) {
    const std::size_t at = ReadWholeFile(file, std::size_t{1} << 20)->find("header");
    if (at != std::string::npos) {
      std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
      bytes.seekp(static_cast<std::streamoff>(at)).put('H');
    }
  });
  EXPECT_THAT(store->Backup(backup_), StatusIs(StatusCode::kDataLoss));
  EXPECT_EQ(CountOf(backups_), 0U);
  disk->SetDamage([](const path&) {});
  EXPECT_THAT(store->Backup(backup_), IsOk());
}

}  // namespace
}  // namespace nearhit
