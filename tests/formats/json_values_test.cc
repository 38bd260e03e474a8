#include "formats/json_values.h"

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class JsonValuesTest : public testing::Test {
 protected:
  JsonValues Open(const std::string& bytes) {
    const std::filesystem::path path = dir_.path() / "values";
    std::ofstream(path, std::ios::binary) << bytes;
    auto lines = LineReader::Open(path, 1000);
    EXPECT_THAT(lines, IsOk());
    lines_ = std::move(lines).value();
    return {lines_.get(), 300'000};
  }
  // Up to the end or the first error, which goes to status_.
  std::vector<std::string> ReadAll(JsonValues values) {
    std::vector<std::string> all;
    std::string value;
    while (true) {
      Result<bool> more = values.Next(&value);
      const bool ended = !more.ok() || !*more;
      status_ = std::move(more).status();
      if (ended) {
        return all;
      }
      all.push_back(value);
    }
  }

  TempDir dir_;
  std::unique_ptr<LineReader> lines_;
  Status status_;
};

TEST_F(JsonValuesTest, TakesAnArrayApart) {
  for (const char* text :
       {R"([{"a":[1, 2]}, {"b":"]}\\"}])", "[\n{\"a\":[1, 2]}\n,\n{\"b\":\"]}\\\\\"},\n]\n"}) {
    EXPECT_THAT(ReadAll(Open(text)), ElementsAre("{\"a\":[1, 2]}", "{\"b\":\"]}\\\\\"}"));
    EXPECT_THAT(status_, IsOk());
  }
  EXPECT_THAT(ReadAll(Open("[1,\"a b\", null]")), ElementsAre("1", "\"a b\"", "null"));
  EXPECT_THAT(ReadAll(Open(" [ ] ")), ElementsAre());
}

TEST_F(JsonValuesTest, TakesValuesOverLines) {
  JsonValues values = Open("{\n \"a\": 1\n}\n{\n}\n");
  std::string value;
  ASSERT_THAT(values.Next(&value), IsOkAndHolds(true));
  EXPECT_EQ(value, "{\n \"a\": 1\n}");
  EXPECT_EQ(values.line(), 1U);
  ASSERT_THAT(values.Next(&value), IsOkAndHolds(true));
  EXPECT_EQ(values.line(), 4U);
  EXPECT_EQ(values.number(), 2U);
  EXPECT_THAT(values.Next(&value), IsOkAndHolds(false));
}

TEST_F(JsonValuesTest, GoesOnBehindAValueThatIsTooLong) {
  JsonValues values = Open("[{\"a\":\"" + std::string(400'000, 'x') + "\"},{}]");
  std::string value;
  EXPECT_THAT(values.Next(&value), StatusIs(StatusCode::kInvalidArgument, HasSubstr("400008")));
  ASSERT_THAT(values.Next(&value), IsOkAndHolds(true));
  EXPECT_EQ(value, "{}");
}

TEST_F(JsonValuesTest, SaysWhereWhatDoesNotEndBegins) {
  EXPECT_THAT(ReadAll(Open("[{},\n{\"a\":")), ElementsAre("{}"));
  EXPECT_THAT(status_, StatusIs(StatusCode::kDataLoss, HasSubstr("value that begins at line 2")));
  EXPECT_THAT(ReadAll(Open("\n[{}")), ElementsAre("{}"));
  EXPECT_THAT(status_, StatusIs(StatusCode::kDataLoss, HasSubstr("array that begins at line 2")));
}

}  // namespace
}  // namespace nearhit
