#include "server/dialect/json_edit.h"

#include <gtest/gtest.h>

#include "tests/server/dialect/request_json.h"

namespace nearhit::server {
namespace {

TEST(WithoutMember, LeavesEveryOtherByteAsItIs) {
  EXPECT_EQ(WithoutMember(R"({"a":1})", "a"), "{}");
  EXPECT_EQ(WithoutMember(R"({"a":1,"b":2})", "a"), R"({"b":2})");
  EXPECT_EQ(WithoutMember(R"({"a":1,"b":2})", "b"), R"({"a":1})");
  EXPECT_EQ(WithoutMember(R"({"a":1, "b":2 ,"c":3})", "b"), R"({"a":1,"c":3})");
  EXPECT_EQ(WithoutMember(R"({"a":1,"b":2})", "c"), R"({"a":1,"b":2})");
  EXPECT_EQ(WithoutMember("{}", "a"), "{}");
  EXPECT_EQ(WithoutMember(R"({"a":1,"b":2,"a":3})", "a"), R"({"b":2})");
  EXPECT_EQ(WithoutMember(R"({"b":{"a":1},"c":["a"]})", "a"), R"({"b":{"a":1},"c":["a"]})");
  EXPECT_EQ(WithoutMember(R"({"b":"\"a\":1,","c":1.50})", "a"), R"({"b":"\"a\":1,","c":1.50})");
}

TEST(WithoutMember, KnowsANameInAnyForm) {
  EXPECT_EQ(WithoutMember(R"({"c\u0061che":1,"b":2})", "cache"), R"({"b":2})");
  EXPECT_EQ(WithoutMember(R"({"a\"b":1,"b":2})", "a\"b"), R"({"b":2})");
  EXPECT_EQ(WithoutMember(R"({"a\\":1,"b":2})", "a\\"), R"({"b":2})");
}

TEST(WithMember, PutsItInFront) {
  EXPECT_EQ(WithMember(R"({"a":1})", R"("b":2)"), R"({"b":2,"a":1})");
  EXPECT_EQ(WithMember(" { } ", R"("b":2)"), R"( {"b":2 } )");
  EXPECT_EQ(WithMember("{\n \"a\":1}", R"("b":2)"), "{\"b\":2,\n \"a\":1}");
}

TEST(JsonEdit, DoesWhatAParserDoes) {
  RequestMaker maker(3);
  for (int i = 0; i < 5'000; ++i) {
    Json request = maker.Request(i % 2 == 0 ? Endpoint::kChat : Endpoint::kMessages);
    const std::string text = maker.Written(request);
    auto member = request.begin();
    std::advance(member, static_cast<std::ptrdiff_t>(maker.Below(request.size())));
    const std::string name = maker.OneIn(4) ? "absent" : member.key();
    Json without = request;
    without.erase(name);
    const std::string edited = WithoutMember(text, name);
    ASSERT_EQ(Json::parse(edited), without) << text << "\n" << name;
    without["new"] = request;
    ASSERT_EQ(Json::parse(WithMember(edited, "\"new\":" + text)), without) << text << "\n" << name;
  }
}

// Which no caller hands in; it may give anything, but must end.
TEST(JsonEdit, EndsForWhatIsNoObject) {
  for (const std::string_view text :
       {"", " ", "{", "}", "\"", "{\"", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,",
        "{\"a\":\"\\", "{\"a\":[}", "{\"a\":}}", "[1,2]", "{,}", "{\"a\"1}", "{\"a\\\":1}"}) {
    WithoutMember(text, "a");
    WithMember(text, "\"b\":1");
  }
}

}  // namespace
}  // namespace nearhit::server
