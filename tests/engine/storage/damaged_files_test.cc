// Databases whose files have lost something, or are not the ones that they were.

#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/file.h"
#include "engine/storage/high_water_mark.h"
#include "engine/storage/log_repair.h"
#include "engine/storage/rocksdb_store.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

namespace fs = std::filesystem;

constexpr int kRows = 20;

class DamagedFilesTest : public testing::Test {
 protected:
  Result<std::unique_ptr<KvStore>> Open(const fs::path& path) {
    return OpenRocksDbStore({.path = path, .log = [this](LogLevel, const std::string& line) {
                               lines_ += line + "\n";
                             }});
  }
  static std::string Key(int i) { return "row " + std::to_string(i); }

  // A copy of the files of a database as a kill leaves them: half of its rows in tables, the others
  // in its log, with a row of 100 kB at the end that is not known to be on the device.
  void MakeKilled(const fs::path& path) {
    ASSERT_THAT(Put(path, 0, kRows / 2), IsOk());
    ASSERT_THAT(Open(path), IsOk());  // makes tables
    const TempDir living;
    fs::copy(path, living.path() / "d", fs::copy_options::recursive);
    const auto store = Open(living.path() / "d");
    ASSERT_THAT(store, IsOk());
    for (int i = kRows / 2; i < kRows; ++i) {
      WriteBatch batch;
      batch.Put(Family::kPayloads, Key(i), std::string(5'000, 'v'));
      ASSERT_THAT((*store)->Write(batch, true), IsOk());
    }
    ASSERT_THAT((*store)->Flush(), IsOk());
    durable_ = fs::file_size(LogPath(living.path() / "d", LogNumbers(living.path() / "d").back()));
    WriteBatch last;
    last.Put(Family::kPayloads, "last", std::string(100'000, 'l'));
    ASSERT_THAT((*store)->Write(last, false), IsOk());
    fs::remove_all(path);
    fs::copy(living.path() / "d", path, fs::copy_options::recursive);
  }

  Status Put(const fs::path& path, int first, int last) {
    const auto store = Open(path);
    NEARHIT_RETURN_IF_ERROR(store.status());
    for (int i = first; i < last; ++i) {
      WriteBatch batch;
      batch.Put(Family::kPayloads, Key(i), std::string(5'000, 'v'));
      NEARHIT_RETURN_IF_ERROR((*store)->Write(batch, true));
    }
    return Status();
  }

  static int Count(const KvStore& store) {
    int found = 0;
    std::string value;
    for (int i = 0; i < kRows; ++i) {
      found += store.Get(Family::kPayloads, Key(i), ReadMode::kBlocking, &value).ok() ? 1 : 0;
    }
    return found;
  }

  fs::path LastLog() const { return LogPath(path_, LogNumbers(path_).back()); }
  fs::path Manifest() const {
    const std::string name = *ReadWholeFile(path_ / "CURRENT", 64);
    return path_ / name.substr(0, name.size() - 1);
  }
  static std::set<std::string> Files(const fs::path& path) {
    std::set<std::string> names;
    for (const auto& file : fs::directory_iterator(path)) {
      names.insert(file.path().filename());
    }
    return names;
  }
  static void Overwrite(const fs::path& path, std::uint64_t at, std::string_view bytes) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

  TempDir dir_;
  const fs::path path_ = dir_.path() / "d";
  std::uint64_t durable_ = 0;  // of the last log
  std::string lines_;
};

TEST_F(DamagedFilesTest, AManifestOfAnyOtherLengthIsRefusedOrCompleteAndNothingIsDeleted) {
  MakeKilled(path_);
  const fs::path good = dir_.path() / "good";
  fs::copy(path_, good, fs::copy_options::recursive);
  const std::uint64_t bytes = fs::file_size(Manifest());
  for (std::uint64_t length = 0; length < bytes; length += bytes / 40) {
    for (const bool first_version : {false, true}) {
      SCOPED_TRACE("length " + std::to_string(length) + (first_version ? ", old mark" : ""));
      fs::remove_all(path_);
      fs::copy(good, path_, fs::copy_options::recursive);
      if (first_version) {
        const HighWaterMark mark = *ReadHighWaterMark(path_ / "HIGHWATER");
        ASSERT_THAT(WriteHighWaterMark(path_ / "HIGHWATER", {.sequence = mark.sequence}), IsOk());
      }
      fs::resize_file(Manifest(), length);
      const std::set<std::string> before = Files(path_);
      const auto store = Open(path_);
      if (!first_version) {
        ASSERT_THAT(store, StatusIs(StatusCode::kDataLoss, testing::HasSubstr("MANIFEST-")));
      }
      if (store.ok()) {
        EXPECT_TRUE(Count(**store) == kRows || (*store)->lost_sequences() > 0);
      } else {
        EXPECT_THAT(store, StatusIs(StatusCode::kDataLoss));
        EXPECT_EQ(Files(path_), before);
      }
    }
  }
}

TEST_F(DamagedFilesTest, AMarkWithoutADatabaseIsRefused) {
  MakeKilled(path_);
  for (const auto& file : fs::directory_iterator(path_)) {
    if (file.path().filename() != "HIGHWATER") {
      fs::remove(file);
    }
  }
  EXPECT_THAT(Open(path_), StatusIs(StatusCode::kDataLoss, testing::HasSubstr("CURRENT")));
  EXPECT_EQ(Files(path_), std::set<std::string>{"HIGHWATER"});
}

TEST_F(DamagedFilesTest, AMissingLogIsRefused) {
  MakeKilled(path_);
  const fs::path log = LastLog();
  fs::remove(log);
  EXPECT_THAT(Open(path_), StatusIs(StatusCode::kDataLoss, testing::HasSubstr(log.string())));
}

TEST_F(DamagedFilesTest, AShorterLogIsReportedWithItsName) {
  MakeKilled(path_);
  const fs::path log = LastLog();
  fs::resize_file(log, durable_ / 2);
  const auto store = Open(path_);
  ASSERT_THAT(store, IsOk());
  EXPECT_GT((*store)->lost_sequences(), 0U);
  EXPECT_THAT(lines_, testing::HasSubstr("storage has lost writes: " + log.string()));
}

// As after a power cut: the file has its new length, but not all of its pages.
TEST_F(DamagedFilesTest, ATornEndOfTheLastLogIsCutAndKept) {
  MakeKilled(path_);
  const fs::path log = LastLog();
  const std::uint64_t bytes = fs::file_size(log);
  Overwrite(log, bytes - 60'000, std::string(60'000, '\0'));
  const std::string torn = ReadWholeFile(log, 1 << 20)->substr(durable_);
  {
    const auto store = Open(path_);
    ASSERT_THAT(store, IsOk());
    EXPECT_EQ(Count(**store), kRows);
    EXPECT_EQ((*store)->lost_sequences(), 0U);
  }
  EXPECT_THAT(lines_, testing::HasSubstr(log.string() + " was never whole: cut at offset " +
                                         std::to_string(durable_)));
  EXPECT_THAT(
      ReadWholeFile(log.string() + ".torn-at-" + std::to_string(durable_), std::size_t{1} << 20),
      IsOkAndHolds(torn));
  const auto again = Open(path_);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(Count(**again), kRows);
}

TEST_F(DamagedFilesTest, DamageOfWhatWasDurableIsRefusedWithFileAndOffset) {
  MakeKilled(path_);
  const fs::path log = LastLog();
  Overwrite(log, durable_ - 3'000, std::string(100, '\0'));
  const std::uint64_t before = fs::file_size(log);
  EXPECT_THAT(Open(path_),
              StatusIs(StatusCode::kDataLoss, testing::HasSubstr(log.string() + " at offset ")));
  EXPECT_EQ(fs::file_size(log), before);
}

TEST_F(DamagedFilesTest, AHoleBeforeAWholeRecordIsRefused) {
  MakeKilled(path_);
  const fs::path log = LastLog();
  ASSERT_THAT(WriteHighWaterMark(path_ / "HIGHWATER", {.sequence = 1}), IsOk());
  Overwrite(log, 10'000, std::string(100, '\0'));
  EXPECT_THAT(Open(path_),
              StatusIs(StatusCode::kDataLoss, testing::HasSubstr(log.string() + " at offset ")));
}

TEST_F(DamagedFilesTest, OnlyAHeldLockIsInUseByAnotherProcess) {
  const fs::path path = dir_.path() / "BLOCKED";
  ASSERT_THAT(Put(path, 0, 1), IsOk());
  const std::string name = *ReadWholeFile(path / "CURRENT", 64);
  fs::remove(path / "HIGHWATER");
  fs::remove(path / name.substr(0, name.size() - 1));
  EXPECT_THAT(Open(path), StatusIs(StatusCode::kUnavailable, testing::HasSubstr("MANIFEST-")));
}

}  // namespace
}  // namespace nearhit
