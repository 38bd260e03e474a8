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
  EXPECT_THAT(fields_, ElementsAre("two\nlines\n\nfour", "x"));
  EXPECT_EQ(csv.record_line(), 2U);
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  EXPECT_EQ(csv.record_line(), 6U);
}

TEST_F(CsvTest, ReportsBadQuotesAndGoesOn) {
  CsvReader csv = Open("\"a\"b,c\nnext,1\n\"never closed\nat all");
  EXPECT_THAT(csv.Next(&fields_), StatusIs(StatusCode::kInvalidArgument, HasSubstr("line 1")));
  ASSERT_THAT(csv.Next(&fields_), IsOkAndHolds(true));
  EXPECT_THAT(fields_, ElementsAre("next", "1"));
  EXPECT_THAT(csv.Next(&fields_),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("never closed")));
  EXPECT_THAT(csv.Next(&fields_), IsOkAndHolds(false));
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
