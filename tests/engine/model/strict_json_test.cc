#include "engine/model/strict_json.h"

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/model/tokenizer.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

using testing::HasSubstr;

TEST(StrictJsonTest, BuildsWhatTheTextSays) {
  const std::string text =
      R"({"a":[1,-2,3.5,"x\u00e9",null,true,{"b":[]},[[]]],"c":{"a":{},"d":18446744073709551615}})";
  const auto value = ParseStrictJson(text, "f");
  ASSERT_THAT(value, IsOk());
  EXPECT_EQ(*value, Json::parse(text));
}

TEST(StrictJsonTest, SameKeyInOtherObjectsIsFine) {
  EXPECT_THAT(ParseStrictJson(R"([{"a":1},{"a":{"a":2}}])", "f"), IsOk());
}

TEST(ModelFilesTest, GitLfsPointersAreRefusedByName) {
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 466062\n";
  const TempDir dir;
  const auto is_refused = [&](const char* name) {
    return StatusIs(StatusCode::kInvalidArgument,
                    testing::AllOf(HasSubstr(name), HasSubstr("git lfs pull")));
  };
  std::ofstream(dir.path() / "config.json") << pointer;
  EXPECT_THAT(ReadStrictJson(dir.path() / "config.json", 1'000), is_refused("config.json"));
  // As a vocabulary it would be three tokens.
  std::ofstream(dir.path() / "vocab.txt") << pointer;
  EXPECT_THAT(LoadTokenizer(dir.path()), is_refused("vocab.txt"));
  std::ofstream(dir.path() / "tokenizer.json") << pointer;
  EXPECT_THAT(LoadTokenizer(dir.path()), is_refused("tokenizer.json"));
}

TEST(ModelFilesTest, ByteOrderMarkIsNoPartOfTheText) {
  const TempDir dir;
  std::ofstream(dir.path() / "config.json") << "\xef\xbb\xbf{\"a\":1}";
  EXPECT_THAT(ReadStrictJson(dir.path() / "config.json", 1'000), IsOk());
}

TEST(StrictJsonTest, RefusesWhatIsNotStrict) {
  for (const char* text : {"", "{", "[1,]", "{\"a\":1} x", "NaN", "1e999", "\"\xff\"", "// c\n1"}) {
    EXPECT_THAT(ParseStrictJson(text, "f"),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("f: not JSON at byte")))
        << text;
  }
  EXPECT_THAT(ParseStrictJson(R"({"a":1,"b":2,"a":3})", "f"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("key \"a\" is there twice")));
}

TEST(StrictJsonTest, NestingHasALimit) {
  const auto nested = [](std::size_t levels) {
    return std::string(levels, '[') + std::string(levels, ']');
  };
  EXPECT_THAT(ParseStrictJson(nested(32), "f"), IsOk());
  EXPECT_THAT(ParseStrictJson(nested(33), "f"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("nested deeper than 32")));
  EXPECT_THAT(ParseStrictJson(std::string(1'000'000, '['), "f"),
              StatusIs(StatusCode::kInvalidArgument));
}

TEST(StrictJsonTest, LongValuesAreShortInMessages) {
  const Json value = {{"a", std::string(10'000, 'x')}};
  const auto object = JsonObject::Of(value, "f", "");
  ASSERT_THAT(object, IsOk());
  const auto number = object->Integer("a", 1, 2);
  EXPECT_THAT(number, StatusIs(StatusCode::kInvalidArgument, HasSubstr("f: key \"a\" is \"xxx")));
  EXPECT_LT(number.status().message().size(), 150u);
}

}  // namespace
}  // namespace nearhit
