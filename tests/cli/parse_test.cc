#include "cli/parse.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/output.h"
#include "cli/progress.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(ParseTest, UnderstandsDurations) {
  EXPECT_THAT(ParseDurationMs("250"), IsOkAndHolds(250));
  EXPECT_THAT(ParseDurationMs("250ms"), IsOkAndHolds(250));
  EXPECT_THAT(ParseDurationMs("2m"), IsOkAndHolds(120'000));
  EXPECT_THAT(ParseDurationMs("7d"), IsOkAndHolds(604'800'000));
  for (const char* text : {"", "s", "-1s", "1w", "1.5s", "9223372036854775807d"}) {
    EXPECT_THAT(ParseDurationMs(text), StatusIs(StatusCode::kInvalidArgument)) << text;
  }
}

TEST(ParseTest, UnderstandsVectors) {
  EXPECT_THAT(ParseVector("[1, -2.5,3e1]"), IsOkAndHolds(ElementsAre(1, -2.5F, 30)));
  EXPECT_THAT(ParseVector("+0.5 .5\r\n1e-45 -1e-50"),
              IsOkAndHolds(ElementsAre(0.5F, 0.5F, 1e-45F, 0)));
  for (const char* text :
       {"", "[]", "1,x", "nan", "inf", "1e99", "+-1", "++1", "0x1", "1_0", "+"}) {
    EXPECT_THAT(ParseVector(text), StatusIs(StatusCode::kInvalidArgument)) << text;
  }
  EXPECT_THAT(DecodeVector(EncodeVector(std::vector<float>{1, 2})), ElementsAre(1, 2));
}

TEST(ParseTest, RoundTripsBase64OfEveryLength) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_THAT(DecodeBase64(EncodeBase64(bytes)), IsOkAndHolds(bytes));
    bytes += static_cast<char>(i * 7);
  }
  EXPECT_EQ(EncodeBase64("ab"), "YWI=");
  for (const char* text : {"abc", "a=bc", "!bcd", "===="}) {
    EXPECT_THAT(DecodeBase64(text), StatusIs(StatusCode::kInvalidArgument)) << text;
  }
}

TEST(ProgressTest, ShowsShareRateAndRest) {
  const std::string text =
      FormatProgress({.items = 1'000, .position = 50, .total = 100, .seconds = 2});
  EXPECT_THAT(text, HasSubstr(" 50%"));
  EXPECT_THAT(text, HasSubstr("1,000 done  500/s  ETA 2.0 s"));
  EXPECT_THAT(FormatProgress({.items = 1, .position = 5, .seconds = 1}), Not(HasSubstr("%")));
  EXPECT_THAT(FormatProgress({.position = 200, .total = 100}), HasSubstr("100%"));
}

}  // namespace
}  // namespace nearhit
