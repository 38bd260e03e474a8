#include "formats/csv.h"

#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CsvTest : public testing::Test {
 protected:
  CsvReader Open(const std::string& bytes, const CsvOptions& options = {}) {
    const std::filesystem::path path = dir_.path() / "records";
    std::ofstream(path, std::ios::binary) << bytes;
    auto lines = LineReader::Open(path, 1000);
    EXPECT_THAT(lines, IsOk());
    lines_ = std::move(lines).value();
    return {lines_.get(), options};
  }

  TempDir dir_;
  std::unique_ptr<LineReader> lines_;
  std::vector<std::string> fields_;
};

TEST_F(CsvTest, SplitsPlainRecords) {
  CsvReader csv = Open("a,b,c\r\n1,,\n\n,\nlast");
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  EXPECT_THAT(fields_, ElementsAre("a", "b", "c"));
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  EXPECT_THAT(fields_, ElementsAre("1", "", ""));
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  EXPECT_THAT(fields_, ElementsAre("", ""));
  EXPECT_EQ(csv.record_line(), 4U);
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  EXPECT_THAT(fields_, ElementsAre("last"));
  EXPECT_THAT(csv.Next(&fields_), IsOkAndHolds(false));
}

TEST_F(CsvTest, UnderstandsQuotes) {
  CsvReader csv = Open("\"a,b\",\"say \"\"hi\"\"\",\"\",mid\"dle\n\"two\r\nlines\n\nfour\",x\nz\n");
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  EXPECT_THAT(fields_, ElementsAre("a,b", "say \"hi\"", "", "mid\"dle"));
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  EXPECT_THAT(fields_, ElementsAre("two\r\nlines\n\nfour", "x"));
  EXPECT_EQ(csv.record_line(), 2U);
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  EXPECT_EQ(csv.record_line(), 6U);
}

TEST_F(CsvTest, ReportsBadQuotesAndGoesOn) {
  CsvReader csv = Open("\"a\"b,c\nnext,1\n\"never closed");
  EXPECT_THAT(csv.Next(&fields_), StatusIs(StatusCode::kInvalidArgument, HasSubstr("line 1")));
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  EXPECT_THAT(fields_, ElementsAre("next", "1"));
  EXPECT_THAT(csv.Next(&fields_),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("never closed")));
  EXPECT_THAT(csv.Next(&fields_), IsOkAndHolds(false));
}

TEST_F(CsvTest, StrayQuoteCostsItsOwnLineOnly) {
  CsvReader csv =
      Open("\"stray,0\none,1\n\ntwo,2\nthree,\"\"\"3\"\"\nx\"\nfour,4\n", {.fields = 2});
  EXPECT_THAT(csv.Next(&fields_), StatusIs(StatusCode::kInvalidArgument, HasSubstr("line 1")));
  EXPECT_EQ(csv.end_line(), 1U);
  std::vector<std::uint64_t> lines;
  std::vector<std::string> first;
  while (*csv.Next(&fields_)) {
    lines.push_back(csv.record_line());
    first.push_back(fields_[0]);
  }
  EXPECT_THAT(first, ElementsAre("one", "two", "three", "four"));
  EXPECT_THAT(lines, ElementsAre(2, 4, 5, 7));
  EXPECT_EQ(fields_.size(), 0U);
}

TEST_F(CsvTest, StrayQuoteThatALaterOneClosesCostsItsOwnLineOnly) {
  CsvReader csv = Open("\"stray,0\none,1\ntwo,2\nsize,5\"\nlast,1\n", {.fields = 2});
  EXPECT_THAT(csv.Next(&fields_), StatusIs(StatusCode::kInvalidArgument, HasSubstr("1 cells")));
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  EXPECT_THAT(fields_, ElementsAre("one", "1"));
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  EXPECT_THAT(fields_, ElementsAre("size", "5\""));
}

// What a file that was cut off ends in must not become records.
TEST_F(CsvTest, CellThatIsCutOffEndsTheReading) {
  CsvReader csv =
      Open("good,1\n\"question\",\"an answer,\nover lines, with\none comma\n", {.fields = 2});
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  EXPECT_THAT(csv.Next(&fields_), StatusIs(StatusCode::kDataLoss, HasSubstr("lines 2 to 4")));
}

TEST_F(CsvTest, TooManyStrayQuotesEndTheReading) {
  std::string text;
  for (int i = 0; i < 300; ++i) {
    text += "\"a\"\"b,1\nc,2\nd,3\n";
  }
  CsvReader csv = Open(text, {.fields = 2, .max_record_bytes = 64});
  Status last;
  for (int i = 0; i < 900 && (last.ok() || last.code() == StatusCode::kInvalidArgument); ++i) {
    last = csv.Next(&fields_).status();
  }
  EXPECT_THAT(last, StatusIs(StatusCode::kFailedPrecondition, HasSubstr("double the quotes")));
}

TEST_F(CsvTest, PassesOverSpacesAroundQuotes) {
  CsvReader csv = Open("a, \"b, c\" ,d\nx, \"y\" and z\n");
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  EXPECT_THAT(fields_, ElementsAre("a", "b, c", "d"));
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  EXPECT_THAT(fields_, ElementsAre("x", " \"y\" and z"));
  csv = Open("a , b\n", {.trim_spaces = true});
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  EXPECT_THAT(fields_, ElementsAre("a", "b"));
}

TEST_F(CsvTest, ReadsARecordAgainWithAnotherDelimiter) {
  CsvReader csv = Open("a;\"b\nc\"\nd\n");
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  csv.Unread();
  csv.options().delimiter = ';';
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  EXPECT_THAT(fields_, ElementsAre("a", "b\nc"));
  EXPECT_EQ(csv.end_line(), 2U);
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  EXPECT_EQ(csv.record_line(), 3U);
}

TEST_F(CsvTest, BoundsRecordsOverManyLines) {
  CsvReader csv = Open("\"123456\n123456\n123456\nok\n", {.max_record_bytes = 16});
  EXPECT_THAT(csv.Next(&fields_), StatusIs(StatusCode::kInvalidArgument, HasSubstr("16 bytes")));
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  EXPECT_THAT(fields_, ElementsAre("ok"));
}

TEST_F(CsvTest, TakesTsvAsItIs) {
  CsvReader csv = Open("\"a\tb\"\t\r\n", {.delimiter = '\t', .quotes = false});
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  EXPECT_THAT(fields_, ElementsAre("\"a", "b\"", ""));
}

}  // namespace
}  // namespace nearhit
