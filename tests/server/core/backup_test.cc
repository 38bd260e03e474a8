// Backups by name: where they may be, and what goes into them.
#include "server/core/backup.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit::server {
namespace {

using testing::HasSubstr;

class NamedBackupTest : public testing::Test {
 protected:
  NamedBackupTest() {
    DatabaseOptions options;
    options.path = data_;
    options.background_maintenance = false;
    db_ = *Database::Open(options);
  }
  std::size_t CountOf(const std::filesystem::path& directory) const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory),
                                                  std::filesystem::directory_iterator()));
  }

  const TempDir dir_;
  const std::filesystem::path data_ = dir_.path() / "data";
  const std::filesystem::path backups_ = dir_.path() / "backups";
  std::unique_ptr<Database> db_;
};

TEST_F(NamedBackupTest, WithoutAPlaceItIsRefused) {
  BackupMaker maker(db_.get(), {});
  EXPECT_THAT(maker.Make("b"),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("storage.backup_dir")));
}

TEST_F(NamedBackupTest, NoNameLeadsElsewhere) {
  BackupMaker maker(db_.get(), {.directory = backups_});
  for (const std::string name :
       {"", ".", "..", "../b", "a/b", "/tmp/b", ".b", "B", "b c", "-b", "b\n", "b\\c"}) {
    EXPECT_THAT(maker.Make(name), StatusIs(StatusCode::kInvalidArgument)) << name;
  }
  EXPECT_THAT(maker.Make(std::string("b\0", 2)), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(maker.Make(std::string(65, 'b')), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_FALSE(std::filesystem::exists(backups_));
  std::filesystem::create_directory(backups_);
  std::filesystem::create_directory_symlink(dir_.path() / "none", backups_ / "link");
  EXPECT_THAT(maker.Make("link"), StatusIs(StatusCode::kAlreadyExists));
  EXPECT_EQ(CountOf(dir_.path()), 2U);
}

TEST_F(NamedBackupTest, HasTheFileOfTheDaemon) {
  std::ofstream(data_ / "secret") << "of the gateway";
  std::filesystem::create_directory(backups_);
  std::filesystem::create_directory(backups_ / ".b.unfinished");  // left by a crash
  BackupMaker maker(db_.get(), {.directory = backups_, .extra = data_ / "secret"});
  const auto made = maker.Make("b");
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->directory, backups_ / "b");
  EXPECT_EQ(made->info.files, CountOf(backups_ / "b"));
  EXPECT_EQ(*ReadWholeFile(backups_ / "b" / "secret", 100), "of the gateway");
  EXPECT_EQ(CountOf(backups_), 1U);
  EXPECT_THAT(maker.Make("b"), StatusIs(StatusCode::kAlreadyExists));
  std::filesystem::remove(data_ / "secret");
  EXPECT_THAT(maker.Make("c"), IsOk());
  std::filesystem::create_directory(data_ / "secret");
  EXPECT_THAT(maker.Make("d"), StatusIs(StatusCode::kUnavailable));
  EXPECT_EQ(CountOf(backups_), 2U);
}

}  // namespace
}  // namespace nearhit::server
