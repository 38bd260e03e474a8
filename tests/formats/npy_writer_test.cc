#include "formats/npy_writer.h"

#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "formats/vector_file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

class NpyWriterTest : public testing::Test {
 protected:
  const TempDir dir_;
  const std::filesystem::path path_ = dir_.path() / "v.npy";
};

TEST_F(NpyWriterTest, WhatIsWrittenIsReadBack) {
  auto writer = NpyWriter::Create(path_, 3);
  ASSERT_THAT(writer, IsOk());
  for (const float first : {0.5F, -1.0F}) {
    (*writer)->Append(std::vector<float>{first, 2, 3});
  }
  EXPECT_THAT((*writer)->Finish(), IsOk());
  const auto matrix = ReadVectorFile(path_);
  ASSERT_THAT(matrix, IsOk());
  EXPECT_EQ(matrix->rows, 2U);
  EXPECT_EQ(matrix->dimension, 3U);
  EXPECT_EQ(matrix->values, (std::vector<float>{0.5F, 2, 3, -1, 2, 3}));
  EXPECT_EQ(std::filesystem::file_size(path_), 128U + 24U);
}

TEST_F(NpyWriterTest, AnOlderFileStaysUntilTheNewOneIsWhole) {
  std::ofstream(path_) << "old";
  {
    auto writer = NpyWriter::Create(path_, 1);
    ASSERT_THAT(writer, IsOk());
    (*writer)->Append(std::vector<float>{1});
  }
  std::ifstream file(path_);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_.path()), {}), 1);
}

TEST_F(NpyWriterTest, SaysWhatCannotBeWritten) {
  EXPECT_THAT(NpyWriter::Create(dir_.path() / "absent" / "v.npy", 1),
              StatusIs(StatusCode::kInvalidArgument, testing::HasSubstr("v.npy")));
  auto writer = NpyWriter::Create(path_, 1);
  ASSERT_THAT(writer, IsOk());
  std::filesystem::create_directory(path_);
  std::ofstream(path_ / "in the way") << "x";
  EXPECT_THAT((*writer)->Finish(), StatusIs(StatusCode::kUnavailable));
}

}  // namespace
}  // namespace nearhit
