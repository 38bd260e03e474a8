#include "server/dialect/usage.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/server/dialect/dialect_data.h"

namespace nearhit::server {
namespace {

using UsageJson = nlohmann::ordered_json;

void SetZero(UsageJson* value) {
  if (value->is_number()) {
    *value = 0;
  } else if (value->is_structured()) {
    for (UsageJson& inner : *value) {
      SetZero(&inner);
    }
  }
}

// What WithZeroUsage() does, by a parser.
UsageJson WithZeroUsageByParser(Api api, const std::string& text) {
  UsageJson json = UsageJson::parse(text);
  const std::string around = api == Api::kMessages    ? "message"
                             : api == Api::kResponses ? "response"
                                                      : "";
  for (UsageJson* answer : {&json, json.contains(around) ? &json[around] : nullptr}) {
    if (answer != nullptr && answer->contains("usage") && (*answer)["usage"].is_object()) {
      SetZero(&(*answer)["usage"]);
    }
  }
  return json;
}

Api ApiOfFile(const std::string& name) {
  return name.starts_with("chat")          ? Api::kChat
         : name.starts_with("completions") ? Api::kCompletions
         : name.starts_with("messages")    ? Api::kMessages
                                           : Api::kResponses;
}

TEST(WithZeroUsage, LeavesEveryOtherByteAsItIs) {
  EXPECT_EQ(
      WithZeroUsage(
          Api::kChat,
          R"( {"a":1.50, "usage" : {"n":19,"x":{"cached_tokens": 12 },"cost":-1.5e-3},"b":2})"),
      R"( {"a":1.50, "usage" : {"n":0,"x":{"cached_tokens": 0 },"cost":0},"b":2})");
  EXPECT_EQ(WithZeroUsage(Api::kMessages,
                          R"({"usage":{"input_tokens":9,"service_tier":"tier 2","geo":null,)"
                          R"("ok":true,"iterations":[{"n":3},4]},"content":[{"usage":{"n":5}}]})"),
            R"({"usage":{"input_tokens":0,"service_tier":"tier 2","geo":null,)"
            R"("ok":true,"iterations":[{"n":0},0]},"content":[{"usage":{"n":5}}]})");
  EXPECT_EQ(WithZeroUsage(Api::kCompletions, R"({"usage":{"a\"1":22}})"),
            R"({"usage":{"a\"1":0}})");
}

TEST(WithZeroUsage, FindsItWhereEventsHaveIt) {
  const std::string start = R"({"type":"message_start","message":{"id":"1","usage":{"n":25}}})";
  EXPECT_EQ(WithZeroUsage(Api::kMessages, start),
            R"({"type":"message_start","message":{"id":"1","usage":{"n":0}}})");
  EXPECT_EQ(WithZeroUsage(Api::kChat, start), start);
  const std::string done = R"({"response":{"n":7,"usage":{"n":25}},"sequence_number":5})";
  EXPECT_EQ(WithZeroUsage(Api::kResponses, done),
            R"({"response":{"n":7,"usage":{"n":0}},"sequence_number":5})");
  EXPECT_EQ(WithZeroUsage(Api::kMessages, done), done);
}

TEST(WithZeroUsage, LeavesWhatIsNoUsage) {
  for (const std::string body :
       {R"({"usage":null,"n":1})", R"({"n":1})", R"({"usage":"12","n":1})", R"({"usage":12})",
        R"({"usage":[1]})", R"({"usage":{}})", R"({"text":"\"usage\":{\"n\":1}"})", "[1]", "12", "",
        "{", R"({"usage")", R"({"usage":)", R"({"usage":{)", R"({"message":{"usage":7}})",
        R"({"message":"usage"})", "usage", R"("usage":{"n":1})"}) {
    for (const Api api : {Api::kChat, Api::kCompletions, Api::kMessages, Api::kResponses}) {
      EXPECT_EQ(WithZeroUsage(api, body), body);
    }
  }
  EXPECT_EQ(WithZeroUsage(Api::kChat, R"({"\u0075sage":{"n":1},"usage":{"n":2}})"),
            R"({"\u0075sage":{"n":0},"usage":{"n":0}})");
}

TEST(WithZeroUsage, DoesWhatAParserDoes) {
  std::size_t with_usage = 0;
  for (const std::string& name : DialectFiles(".json")) {
    const std::string body = ReadDialectFile(name + ".json");
    const UsageJson expected = WithZeroUsageByParser(ApiOfFile(name), body);
    EXPECT_EQ(UsageJson::parse(WithZeroUsage(ApiOfFile(name), body)), expected) << name;
    with_usage += UsageJson::parse(body) == expected ? 0 : 1;
  }
  EXPECT_GT(with_usage, 5U);
}

TEST(BlockWithZeroUsage, EveryEventOfAStreamSaysZero) {
  for (const std::string& name : DialectFiles(".sse")) {
    const Api api = ApiOfFile(name);
    std::string stream;
    const std::vector<SseBlock> before = ReadBlocks(ReadDialectFile(name + ".sse"));
    for (const SseBlock& block : before) {
      stream += BlockWithZeroUsage(api, block.raw);
    }
    const std::vector<SseBlock> after = ReadBlocks(stream);
    ASSERT_EQ(after.size(), before.size()) << name;
    for (std::size_t i = 0; i < after.size(); ++i) {
      EXPECT_EQ(after[i].name, before[i].name);
      if (!UsageJson::accept(before[i].data)) {
        EXPECT_EQ(after[i].raw, before[i].raw);
        continue;
      }
      EXPECT_EQ(UsageJson::parse(after[i].data), WithZeroUsageByParser(api, before[i].data))
          << name;
      EXPECT_EQ(after[i].raw == before[i].raw, after[i].data == before[i].data) << name;
    }
  }
}

TEST(BlockWithZeroUsage, EditsLinesOfDataOnly) {
  EXPECT_EQ(BlockWithZeroUsage(Api::kChat,
                               ": usage 5\r\nid: 7\r\ndata:{\"usage\":{\r\n"
                               "data: \"n\":1,\r\nretry: 3\r\ndata: \"m\":23}}\r\n\r\n"),
            ": usage 5\r\nid: 7\r\ndata:{\"usage\":{\r\n"
            "data: \"n\":0,\r\nretry: 3\r\ndata: \"m\":0}}\r\n\r\n");
  EXPECT_EQ(BlockWithZeroUsage(Api::kChat, "data\ndata: {\"usage\":{\"n\":1}}\r\r"),
            "data\ndata: {\"usage\":{\"n\":0}}\r\r");
  for (const std::string block :
       {": usage\n\n", "data: usage\n\n", "data\n\n", "", "data: {\"usage\":",
        "\xef\xbb\xbf"
        "data: {\"usage\":{\"n\":1}}\n\n"}) {
    EXPECT_EQ(BlockWithZeroUsage(Api::kChat, block), block);
  }
}

TEST(BlockWithoutNullUsage, TakesOutTheMemberOnly) {
  const auto without = [](const std::string& block, Api api = Api::kChat) {
    return BlockWithoutNullUsage(api, block);
  };
  EXPECT_EQ(without("data: {\"a\":1,\"usage\":null}\n\n"), "data: {\"a\":1}\n\n");
  EXPECT_EQ(without("data: {\"usage\": null, \"a\":1}\n\n", Api::kCompletions),
            "data: { \"a\":1}\n\n");
  EXPECT_EQ(without(": null\r\ndata:{\"a\":null,\"usage\":null,\"b\":2}\r\n\r\n"),
            ": null\r\ndata:{\"a\":null,\"b\":2}\r\n\r\n");
  for (const std::string block :
       {R"(data: {"usage":{"n":null}})", R"(data: {"usage":{},"a":null})",
        R"(data: {"a":"\"usage\":null"})", R"(data: {"a":{"usage":null}})",
        R"(data: {"a":{"usage":null},"usage":{"n":1}})", R"(data: null "usage")",
        R"(data: [{"usage":null}])", "data: usage\ndata: null", "usage: null", ""}) {
    EXPECT_EQ(without(block + "\n\n"), block + "\n\n");
  }
  const std::string block = "data: {\"usage\":null}\n\n";
  EXPECT_EQ(without(block, Api::kMessages), block);
}

}  // namespace
}  // namespace nearhit::server
