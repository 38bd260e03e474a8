#include "cli/output_file.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

namespace fs = std::filesystem;

class OutputFileTest : public testing::Test {
 protected:
  OutputFileTest() { std::ofstream(path_) << "before"; }

  static std::string Contents(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::ptrdiff_t Files() const {
    return std::distance(fs::directory_iterator(dir_.path()), fs::directory_iterator());
  }

  TempDir dir_;
  const fs::path path_ = dir_.path() / "out";
};

TEST_F(OutputFileTest, WhatWasThereStaysUntilTheNewIsWhole) {
  OutputFile file;
  ASSERT_THAT(file.Open(path_.string()), IsOk());
  file.stream() << "after" << std::flush;
  EXPECT_EQ(Contents(path_), "before");
  EXPECT_THAT(file.Commit(), IsOk());
  EXPECT_EQ(Contents(path_), "after");
  EXPECT_EQ(Files(), 1);
}

TEST_F(OutputFileTest, WhatIsNotCommittedLeavesNothing) {
  {
    OutputFile file;
    ASSERT_THAT(file.Open(path_.string()), IsOk());
    file.stream() << "half of it";
  }
  EXPECT_EQ(Contents(path_), "before");
  EXPECT_EQ(Files(), 1);
}

TEST_F(OutputFileTest, PermissionsStay) {
  fs::permissions(path_, fs::perms::owner_read | fs::perms::owner_write);
  OutputFile file;
  ASSERT_THAT(file.Open(path_.string()), IsOk());
  for (const auto& entry : fs::directory_iterator(dir_.path())) {
    EXPECT_EQ(entry.status().permissions(), fs::status(path_).permissions());
  }
  ASSERT_THAT(file.Commit(), IsOk());
  EXPECT_EQ(fs::status(path_).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(OutputFileTest, ALinkIsWrittenThrough) {
  const fs::path link = dir_.path() / "link";
  fs::create_symlink(path_, link);
  OutputFile file;
  ASSERT_THAT(file.Open(link.string()), IsOk());
  file.stream() << "after";
  ASSERT_THAT(file.Commit(), IsOk());
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(Contents(path_), "after");
}

TEST_F(OutputFileTest, AFullDeviceIsAnError) {
  OutputFile file;
  ASSERT_THAT(file.Open("/dev/full"), IsOk());
  file.stream() << "something";
  EXPECT_THAT(file.Commit(), StatusIs(StatusCode::kInternal));
}

TEST_F(OutputFileTest, AFolderThatIsNotThereIsNamed) {
  OutputFile file;
  EXPECT_THAT(file.Open((dir_.path() / "none" / "out").string()),
              StatusIs(StatusCode::kInvalidArgument, testing::HasSubstr("none/out")));
}

}  // namespace
}  // namespace nearhit
