#include "formats/line_reader.h"

#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string input = text;
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

class LineReaderTest : public testing::Test {
 protected:
  std::unique_ptr<LineReader> Open(const std::string& bytes, std::size_t max_line_bytes = 1000) {
    const std::filesystem::path path = dir_.path() / "lines";
    std::ofstream(path, std::ios::binary) << bytes;
    auto reader = LineReader::Open(path, max_line_bytes);
    EXPECT_THAT(reader, IsOk());
    return std::move(reader).value();
  }

  // Reads to the end or the first error, which goes to `status`.
  static std::vector<std::string> ReadAll(LineReader* reader, Status* status) {
    std::vector<std::string> lines;
    std::string line;
    while (true) {
      const Result<bool> more = reader->Next(&line);
      *status = more.status();
      if (!more.ok() || !*more) {
        return lines;
      }
      lines.push_back(line);
    }
  }

  TempDir dir_;
};

TEST_F(LineReaderTest, ReadsEitherLineEnd) {
  Status status;
  const auto reader = Open("one\ntwo\r\n\n\r\nlast");
  EXPECT_THAT(ReadAll(reader.get(), &status), ElementsAre("one", "two", "", "", "last"));
  EXPECT_THAT(status, IsOk());
  EXPECT_EQ(reader->line_number(), 5U);
  EXPECT_EQ(reader->file_bytes(), 16U);
  EXPECT_EQ(reader->compressed_offset(), 16U);
  EXPECT_THAT(ReadAll(Open("a\n").get(), &status), ElementsAre("a"));
}

TEST_F(LineReaderTest, ReadsEmptyAndMissingFiles) {
  Status status;
  EXPECT_THAT(ReadAll(Open("").get(), &status), IsEmpty());
  EXPECT_THAT(status, IsOk());
  EXPECT_THAT(ReadAll(Open(Gzip("")).get(), &status), IsEmpty());
  EXPECT_THAT(status, IsOk());
  EXPECT_THAT(LineReader::Open(dir_.path() / "none", 10), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(LineReader::Open(dir_.path(), 10), StatusIs(StatusCode::kUnavailable));
}

TEST_F(LineReaderTest, ReadsGzipOfSeveralMembers) {
  Status status;
  const auto reader = Open(Gzip("one\ntw") + Gzip("o\r\n") + Gzip("three"));
  EXPECT_THAT(ReadAll(reader.get(), &status), ElementsAre("one", "two", "three"));
  EXPECT_THAT(status, IsOk());
  EXPECT_EQ(reader->compressed_offset(), reader->file_bytes());
}

TEST_F(LineReaderTest, ReadsMoreThanOneBufferful) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) {
    text += "line " + std::to_string(i) + '\n';
  }
  for (const std::string& bytes : {text, Gzip(text)}) {
    Status status;
    const auto lines = ReadAll(Open(bytes).get(), &status);
    EXPECT_THAT(status, IsOk());
    ASSERT_EQ(lines.size(), 100'000U);
    EXPECT_EQ(lines.back(), "line 99999");
  }
}

TEST_F(LineReaderTest, SkipsLongLinesAndGoesOn) {
  const auto reader = Open("12345\r\n123456\r\n" + std::string(500'000, 'x') + "\nend", 5);
  std::string line;
  EXPECT_THAT(reader->Next(&line), IsOkAndHolds(true));
  EXPECT_EQ(line, "12345");
  EXPECT_THAT(reader->Next(&line), StatusIs(StatusCode::kInvalidArgument, HasSubstr("line 2")));
  EXPECT_THAT(reader->Next(&line), StatusIs(StatusCode::kInvalidArgument, HasSubstr("line 3")));
  EXPECT_THAT(reader->Next(&line), IsOkAndHolds(true));
  EXPECT_EQ(line, "end");
  EXPECT_THAT(reader->Next(&line), IsOkAndHolds(false));
}

TEST_F(LineReaderTest, ReportsEveryTruncationOfGzip) {
  const std::string whole = Gzip("first line\nsecond line\n");
  for (std::size_t size = 2; size < whole.size(); ++size) {
    Status status;
    const auto reader = Open(whole.substr(0, size));
    ReadAll(reader.get(), &status);
    EXPECT_THAT(status, StatusIs(StatusCode::kDataLoss)) << size;
    std::string line;
    EXPECT_THAT(reader->Next(&line), StatusIs(StatusCode::kDataLoss)) << size;
  }
}

TEST_F(LineReaderTest, LeavesNoHalfLineBehindWhenGzipIsDamaged) {
  const std::string whole = Gzip("a line without an end");
  const auto reader = Open(whole.substr(0, whole.size() - 8));  // all of the text, no trailer
  std::string line = "before";
  EXPECT_THAT(reader->Next(&line), StatusIs(StatusCode::kDataLoss));
  EXPECT_EQ(line, "");
}

TEST_F(LineReaderTest, ReportsDamagedGzip) {
  std::string bytes = Gzip("first line\nsecond line\n");
  bytes[bytes.size() - 6] = static_cast<char>(bytes[bytes.size() - 6] ^ 1);  // in the checksum
  Status status;
  ReadAll(Open(bytes).get(), &status);
  EXPECT_THAT(status, StatusIs(StatusCode::kDataLoss));
}

}  // namespace
}  // namespace nearhit
