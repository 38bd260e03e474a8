#include "server/rest/json_message.h"

#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nearhit/v1/cache.pb.h"
#include "nearhit/v1/vectors.pb.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// That the message is refused for this reason, which does not show a value.
template <typename Message>
void ExpectRefused(const std::string& json, const std::string& reason) {
  Message message;
  EXPECT_THAT(ReadJson(json, &message), StatusIs(StatusCode::kInvalidArgument,
                                                 AllOf(HasSubstr(reason), Not(HasSubstr("zebra")))))
      << json.substr(0, 200);
}

TEST(JsonMessage, IsReadByTheNamesOfTheProtoFiles) {
  v1::StoreRequest request;
  const std::string json = R"({"namespace":"c","item":{
      "prompt":{"scope":"bT0x","slot":"a \u00e9 \ud83d\ude00"},"answer":"//4=",
      "metadata":{"tags":["x","y"],"cost":0.5,"prompt_tokens":7},
      "ttl_ms":"9007199254740993","durability":"DURABILITY_SYNC"}})";
  ASSERT_THAT(ReadJson(json, &request), IsOk());
  EXPECT_EQ(request.namespace_(), "c");
  EXPECT_EQ(request.item().prompt().scope(), "m=1");
  EXPECT_EQ(request.item().prompt().slot(), "a \xC3\xA9 \xF0\x9F\x98\x80");
  EXPECT_EQ(request.item().answer(), "\xFF\xFE");
  EXPECT_EQ(request.item().metadata().tags_size(), 2);
  EXPECT_EQ(request.item().ttl_ms(), 9007199254740993);
  EXPECT_EQ(request.item().durability(), v1::DURABILITY_SYNC);
}

TEST(JsonMessage, SixtyFourBitsAreNumbersOrTexts) {
  v1::GetRequest request;
  ASSERT_THAT(ReadJson(R"({"id":18446744073709551615})", &request), IsOk());
  EXPECT_EQ(request.id(), std::numeric_limits<std::uint64_t>::max());
  ASSERT_THAT(ReadJson(R"({"id":"12"})", &request), IsOk());
  EXPECT_EQ(request.id(), 12U);
}

TEST(JsonMessage, NullIsAMemberThatIsNotThere) {
  v1::StoreRequest request;
  ASSERT_THAT(ReadJson(R"({"namespace":null,"item":{"ttl_ms":null,"metadata":null}})", &request),
              IsOk());
  EXPECT_FALSE(request.item().has_ttl_ms());
  ExpectRefused<v1::StoreRequest>(R"({"item":{"metadata":{"tags":["zebra",null]}}})",
                                  "item.metadata.tags[1] is not a single value");
}

TEST(JsonMessage, UnknownMembersAreNamed) {
  ExpectRefused<v1::LookupRequest>(R"({"nmaespace":"zebra"})",
                                   "nmaespace is no member of nearhit.v1.LookupRequest");
  ExpectRefused<v1::LookupRequest>(R"({"prompt":{"slott":"zebra"}})",
                                   "prompt.slott is no member of nearhit.v1.Prompt");
  ExpectRefused<v1::StoreBatchRequest>(R"({"items":[{},{"prompt":{"Slot":"zebra"}}]})",
                                       "items[1].prompt.Slot is no member");
  ExpectRefused<v1::LookupRequest>(R"({"options":{"minScore":1}})", "options.minScore is no");
  ExpectRefused<v1::LookupRequest>("{\"" + std::string(10'000, 'x') + "zebra\":1}",
                                   std::string(64, 'x') + " is no member");
}

TEST(JsonMessage, AMemberTwiceIsRefused) {
  ExpectRefused<v1::LookupRequest>(R"({"namespace":"zebra","namespace":"c"})",
                                   "namespace is there twice");
  ExpectRefused<v1::DeleteVectorsRequest>(R"({"keys":["zebra"],"keys":[]})", "keys is there twice");
  ExpectRefused<v1::StoreBatchRequest>(R"({"items":[{"prompt":{"slot":"a","slot":"zebra"}}]})",
                                       "items[0].prompt.slot is there twice");
  ExpectRefused<v1::GetVectorRequest>(R"({"key":"zebra","id":"1"})",
                                      "id is there beside another member of \"which\"");
  v1::StoreBatchRequest request;
  EXPECT_THAT(ReadJson(R"({"items":[{"answer":""},{"answer":""}]})", &request), IsOk());
}

TEST(JsonMessage, ValuesOfAnotherFormAreRefused) {
  ExpectRefused<v1::LookupRequest>(R"({"prompt":"zebra"})", "prompt is not an object");
  ExpectRefused<v1::LookupRequest>(R"({"prompt":["zebra"]})", "prompt is not an object");
  ExpectRefused<v1::LookupRequest>(R"({"prompt":{"slot":["zebra"]}})",
                                   "prompt.slot is not a single value");
  ExpectRefused<v1::LookupRequest>(R"({"prompt":{"slot":{"zebra":1}}})",
                                   "prompt.slot is not a single value");
  ExpectRefused<v1::StoreBatchRequest>(R"({"items":{"answer":""}})", "items is not a list");
  ExpectRefused<v1::StoreBatchRequest>(R"({"items":[[]]})", "items[0] is not an object");
  ExpectRefused<v1::StoreBatchRequest>(R"({"items":[{},null]})", "items[1] is not an object");
}

TEST(JsonMessage, ValuesOfAnotherTypeAreRefused) {
  ExpectRefused<v1::LookupRequest>(R"({"prompt":{"slot":5}})", "prompt.slot is not of type string");
  ExpectRefused<v1::LookupRequest>(R"({"prompt":{"scope":"a zebra!"}})",
                                   "prompt.scope is not of type bytes in base64");
  ExpectRefused<v1::StoreBatchRequest>(R"({"items":[{},{"ttl_ms":"zebra"}]})",
                                       "items[1].ttl_ms is not of type int64");
  ExpectRefused<v1::GetRequest>(R"({"id":18446744073709551616})", "id is not of type uint64");
  ExpectRefused<v1::GetRequest>(R"({"id":-1})", "id is not of type uint64");
  ExpectRefused<v1::GetRequest>(R"({"id":1.5})", "id is not of type uint64");
  ExpectRefused<v1::LookupRequest>(R"({"options":{"exact_only":1}})",
                                   "options.exact_only is not of type bool");
  ExpectRefused<v1::StoreRequest>(R"({"item":{"durability":"zebra"}})",
                                  "item.durability is not of type nearhit.v1.Durability");
}

TEST(JsonMessage, OnlyJsonIsRead) {
  using Request = v1::LookupRequest;
  for (const std::string json :
       {"", " ", "zebra", "{", "{\"namespace\":\"zebra", "{\"namespace\":\"c\",}", "{}{}", "{} x",
        "{'namespace':'zebra'}", "{namespace:\"zebra\"}", "{\"options\":{\"min_score\":NaN}}",
        "{\"options\":{\"min_score\":-Infinity}}", "{\"options\":{\"min_score\":1e999}}",
        "{\"namespace\":\"\xFF zebra\"}", "{\"namespace\":\"\\ud800 zebra\"}",
        "{\"namespace\":\"\xED\xA0\x80\"}", "// zebra\n{}"}) {
    ExpectRefused<Request>(
        json, "the body of " + std::to_string(json.size()) + " bytes is not JSON, at byte");
  }
  for (const char* json : {"null", "5", "\"zebra\"", "[]", "[{}]", "true"}) {
    ExpectRefused<Request>(json, "bytes is not a JSON object");
  }
  ExpectRefused<Request>(std::string("{}\0zebra", 8), "the body");
}

TEST(JsonMessage, NumbersThatAreNoneAreNotFloats) {
  ExpectRefused<v1::LookupRequest>(R"({"options":{"min_score":1e60}})",
                                   "options.min_score is not of type float");
  ExpectRefused<v1::LookupRequest>(R"({"options":{"min_score":"zebra"}})",
                                   "options.min_score is not of type float");
}

TEST(JsonMessage, DeepNestsAreRefused) {
  constexpr std::size_t kDeep = 100'000;
  for (const char* open : {"[", "{\"prompt\":", "{\"a\":", "{\"prompt\":["}) {
    std::string json;
    for (std::size_t i = 0; i < kDeep; ++i) {
      json += open;
    }
    v1::LookupRequest request;
    EXPECT_THAT(ReadJson(json, &request), StatusIs(StatusCode::kInvalidArgument));
    EXPECT_THAT(ReadJson("{\"prompt\":{\"slot\":" + json, &request),
                StatusIs(StatusCode::kInvalidArgument));
  }
}

TEST(JsonMessage, AnswersHaveTheirDefaultsToo) {
  v1::LookupResponse response;
  response.mutable_result()->set_miss_reason(v1::MISS_REASON_EMPTY);
  EXPECT_THAT(WriteJson(response),
              IsOkAndHolds(std::string(
                  R"({"result":{"kind":"HIT_KIND_MISS","miss_reason":"MISS_REASON_EMPTY","id":"0",)"
                  R"("answer":"","matched_slot":"","age_ms":"0","rule":"","candidate":"0"}})")));
}

TEST(JsonMessage, TextThatIsNotUtf8IsNotWritten) {
  v1::LookupResponse response;
  response.mutable_result()->set_matched_slot("\xFF");
  const auto json = WriteJson(response);
  EXPECT_TRUE(!json.ok() || json->find('\xFF') == std::string::npos);
}

}  // namespace
}  // namespace nearhit::server
