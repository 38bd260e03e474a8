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

TEST_F(LineReaderTest, ReadsLinesThatCarriageReturnsEnd) {
  Status status;
  EXPECT_THAT(ReadAll(Open("one\rtwo\r\rend").get(), &status),
              ElementsAre("one", "two", "", "end"));
  const auto reader = Open("one\r\"two\nlines\"\rend\r");
  EXPECT_THAT(ReadAll(reader.get(), &status), ElementsAre("one", "\"two\nlines\"", "end"));
  EXPECT_EQ(reader->line_number(), 3U);
  // One in a line of a file that newlines end is a character.
  EXPECT_THAT(ReadAll(Open("10%\r100%\nend\n").get(), &status), ElementsAre("10%\r100%", "end"));
}

TEST_F(LineReaderTest, SaysHowALineEnded) {
  const auto reader = Open("a\nb\r\nc");
  std::string line;
  for (const char* end : {"\n", "\r\n", ""}) {
    ASSERT_THAT(reader->Next(&line), IsOkAndHolds(true));
    EXPECT_EQ(reader->line_end(), end);
  }
}

// A buffer ends between the two characters of a line's end.
TEST_F(LineReaderTest, KeepsLineEndsTogether) {
  const std::string line((128 << 10) - 1, 'x');
  Status status;
  for (const std::string& text : {line + "\r\nb\r\n", line + "\rb\r"}) {
    EXPECT_THAT(ReadAll(Open(text, 1 << 20).get(), &status), ElementsAre(line, "b"));
  }
}

TEST_F(LineReaderTest, ReadsUtf8AndUtf16) {
  using namespace std::string_literals;
  Status status;
  for (const std::string& bytes :
       {"\xef\xbb\xbf\xc3\xa4\nb\n"s, "\xff\xfe\xe4\0\n\0b\0\n\0"s, "\xfe\xff\0\xe4\0\n\0b\0\n"s,
        Gzip("\xff\xfe\xe4\0\n\0b\0\n\0"s), "\xe4\0\n\0b\0\n\0"s, "\0\xe4\0\n\0b\0\n"s}) {
    EXPECT_THAT(ReadAll(Open(bytes).get(), &status), ElementsAre("\xc3\xa4", "b"));
    EXPECT_THAT(status, IsOk());
  }
  EXPECT_THAT(ReadAll(Open("a\0b\0=\xd8\0\xde"s).get(), &status),
              ElementsAre("ab\xf0\x9f\x98\x80"));
  // Half a pair and half a character are no text.
  EXPECT_THAT(ReadAll(Open("a\0b\0=\xd8\n\0c"s).get(), &status),
              ElementsAre("ab\xed\xa0\xbd", "\xff"));
  // A zero somewhere does not make UTF-16.
  EXPECT_THAT(ReadAll(Open("nul \0 in UTF-8\n"s).get(), &status), ElementsAre("nul \0 in UTF-8"s));
}

TEST_F(LineReaderTest, NoTextAtAllIsNotLines) {
  using namespace std::string_literals;
  EXPECT_FALSE(Open("")->has_text());
  const auto reader = Open("\xef\xbb\xbf");
  std::string line;
  EXPECT_THAT(reader->Next(&line), IsOkAndHolds(false));
  EXPECT_FALSE(reader->has_text());
}

TEST_F(LineReaderTest, RefusesWhatIsNoTextByName) {
  using namespace std::string_literals;
  struct Case {
    std::string bytes;
    const char* what;
  };
  for (const Case& one : std::vector<Case>{
           {"PK\x03\x04rest", "Excel"},
           {"\x28\xb5\x2f\xfdrest", "zstd"},
           {"\xff\xfe\0\0a\0\0\0"s, "UTF-32"},
           {Gzip(Gzip("a\n")), "gzip within gzip"},
           {Gzip(std::string(257, 'x') + "ustar"), "tar"},
           {"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"}}) {
    std::string line;
    EXPECT_THAT(Open(one.bytes)->Next(&line),
                StatusIs(StatusCode::kFailedPrecondition, HasSubstr(one.what)));
  }
}

TEST_F(LineReaderTest, PassesOverZerosBehindGzip) {
  Status status;
  const std::string zeros(300'000, '\0');
  EXPECT_THAT(ReadAll(Open(Gzip("one\n") + zeros).get(), &status), ElementsAre("one"));
  EXPECT_THAT(status, IsOk());
  EXPECT_THAT(ReadAll(Open(Gzip("one\n") + zeros + Gzip("two")).get(), &status),
              ElementsAre("one", "two"));
  EXPECT_THAT(status, IsOk());
  EXPECT_THAT(ReadAll(Open(Gzip("one\n") + "\0rest").get(), &status), ElementsAre("one"));
  EXPECT_THAT(ReadAll(Open(Gzip("one\n") + "rest").get(), &status), ElementsAre("one"));
  EXPECT_THAT(status, StatusIs(StatusCode::kDataLoss, HasSubstr("is not gzip")));
}

TEST_F(LineReaderTest, GivesTextByParts) {
  const auto reader = Open("[1,\n2]\n");
  const Result<std::string_view> text = reader->Peek();
  ASSERT_THAT(text, IsOkAndHolds("[1,\n2]\n"));
  reader->Take(4);
  EXPECT_EQ(reader->line_number(), 1U);
  std::string line;
  EXPECT_THAT(reader->Next(&line), IsOkAndHolds(true));
  EXPECT_EQ(line, "2]");
  EXPECT_THAT(reader->Peek(), IsOkAndHolds(""));
}

}  // namespace
}  // namespace nearhit
