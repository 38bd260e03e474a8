#include "server/dialect/request_plan.h"

#include <gtest/gtest.h>

#include "nearhit/types.h"

namespace nearhit::server {
namespace {

constexpr auto kNone = CacheUse::kNone;
constexpr auto kExact = CacheUse::kExact;
constexpr auto kSemantic = CacheUse::kSemantic;

RequestPlan PlanOf(Endpoint endpoint, std::string body, std::uint32_t turns = 1) {
  RequestPlanner planner;
  return planner.Plan(endpoint, {.semantic_user_turns = turns}, &body);
}

std::string Chat(std::string_view messages, std::string_view more = "") {
  return R"({"model":"m","messages":[)" + std::string(messages) + "]" + std::string(more) + "}";
}

constexpr std::string_view kHello = R"({"role":"user","content":"hello"})";

// A request for the endpoint with one more member.
std::string With(Endpoint endpoint, std::string_view member) {
  const std::string more = member.empty() ? "" : "," + std::string(member);
  switch (endpoint) {
    case Endpoint::kCompletions:
      return R"({"model":"m","prompt":"hello")" + more + "}";
    case Endpoint::kResponses:
      return R"({"model":"m","input":"hello")" + more + "}";
    default:
      return Chat(kHello, more);
  }
}

struct Case {
  std::string_view json;
  CacheUse use;
  std::string_view reason = "";
};

void ExpectUses(Endpoint endpoint, const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const RequestPlan plan = PlanOf(endpoint, With(endpoint, c.json));
    EXPECT_EQ(plan.use, c.use) << c.json;
    EXPECT_EQ(plan.reason, c.reason) << c.json;
  }
}

void ExpectUsesOfMessages(Endpoint endpoint, const std::vector<Case>& cases,
                          std::uint32_t turns = 1) {
  for (const Case& c : cases) {
    const RequestPlan plan = PlanOf(endpoint, Chat(c.json), turns);
    EXPECT_EQ(plan.use, c.use) << c.json;
    EXPECT_EQ(plan.reason, c.reason) << c.json;
  }
}

TEST(RequestPlan, SaysHowChatMayBeCached) {
  ExpectUses(Endpoint::kChat,
             {
                 {"", kSemantic},
                 {R"("temperature":0.7,"top_p":1,"seed":7,"max_tokens":5,"stop":["a"])", kSemantic},
                 {R"("response_format":{"type":"json_object"},"logit_bias":{"1":2})", kSemantic},
                 {R"("reasoning_effort":"low","verbosity":"high","unknown":1)", kSemantic},
                 {R"("user":"a","metadata":{"a":"b"},"service_tier":"flex")", kSemantic},
                 {R"("prompt_cache_key":"a","safety_identifier":"b","stream":true)", kSemantic},
                 {R"("n":1)", kSemantic},
                 {R"("n":1.0)", kSemantic},
                 {R"("n":null)", kSemantic},
                 {R"("n":2)", kExact, "n"},
                 {R"("n":"1")", kExact, "n"},
                 {R"("logprobs":false)", kSemantic},
                 {R"("logprobs":null)", kSemantic},
                 {R"("logprobs":true)", kExact, "logprobs"},
                 {R"("top_logprobs":2)", kExact, "logprobs"},
                 {R"("modalities":["text"])", kSemantic},
                 {R"("modalities":["text","audio"])", kExact, "modalities"},
                 {R"("audio":{"voice":"a"})", kExact, "audio"},
                 {R"("prediction":{"type":"content","content":"a"})", kExact, "prediction"},
                 {R"("moderation":{"model":"a"})", kExact, "moderation"},
                 {R"("tools":[])", kSemantic},
                 {R"("tools":[{"type":"function","function":{"name":"f"}}])", kExact, "tools"},
                 {R"("tools":[{"type":"custom","custom":{"name":"f"}}])", kExact, "tools"},
                 {R"("functions":[{"name":"f"}])", kExact, "tools"},
                 {R"("tools":[{"type":"web_search"}])", kNone, "fresh_data"},
                 {R"("tools":[{"type":"function"},{"type":"mcp"}])", kNone, "fresh_data"},
                 {R"("web_search_options":null)", kSemantic},
                 {R"("web_search_options":{})", kNone, "fresh_data"},
                 {R"("web_search_options":{"search_context_size":"low"})", kNone, "fresh_data"},
                 {R"("store":false)", kSemantic},
                 {R"("store":null)", kSemantic},
                 {R"("store":true)", kNone, "server_state"},
                 {R"("store":true,"n":2,"web_search_options":{})", kNone, "server_state"},
             });
}

TEST(RequestPlan, SaysHowCompletionsMayBeCached) {
  ExpectUses(Endpoint::kCompletions, {
                                         {"", kSemantic},
                                         {R"("max_tokens":5,"user":"a")", kSemantic},
                                         {R"("n":2)", kExact, "n"},
                                         {R"("best_of":2)", kExact, "n"},
                                         {R"("echo":true)", kExact, "echo"},
                                         {R"("echo":false)", kSemantic},
                                         {R"("suffix":"a")", kExact, "suffix"},
                                         {R"("suffix":"")", kSemantic},
                                         {R"("logprobs":null)", kSemantic},
                                         {R"("logprobs":0)", kExact, "logprobs"},
                                         {R"("logprobs":3)", kExact, "logprobs"},
                                     });
  EXPECT_EQ(PlanOf(Endpoint::kCompletions, R"({"model":"m","prompt":["a","b"]})").use, kExact);
  EXPECT_EQ(PlanOf(Endpoint::kCompletions, R"({"model":"m","prompt":[1,2]})").use, kExact);
  EXPECT_EQ(PlanOf(Endpoint::kCompletions, R"({"model":"m"})").reason, "no_messages");
}

TEST(RequestPlan, SaysHowResponsesMayBeCached) {
  ExpectUses(Endpoint::kResponses,
             {
                 {"", kExact, "responses"},
                 {R"("store":false)", kExact, "responses"},
                 {R"("background":false,"previous_response_id":null)", kExact, "responses"},
                 {R"("background":true)", kNone, "server_state"},
                 {R"("previous_response_id":"resp_1")", kNone, "server_state"},
                 {R"("conversation":"conv_1")", kNone, "server_state"},
                 {R"("conversation":{"id":"conv_1"})", kNone, "server_state"},
                 {R"("prompt":{"id":"p"})", kNone, "server_state"},
                 {R"("tools":[{"type":"file_search"}])", kNone, "fresh_data"},
                 {R"("tools":[{"type":"function","name":"f"}])", kExact, "responses"},
             });
  const auto input = [](std::string_view item) {
    return PlanOf(Endpoint::kResponses,
                  R"({"model":"m","store":false,"input":[)" + std::string(item) + "]}");
  };
  EXPECT_EQ(input(R"({"type":"item_reference","id":"msg_1"})").reason, "server_state");
  EXPECT_EQ(input(R"({"type":"function_call_output","call_id":"c","output":"https://a"})").use,
            kExact);
  EXPECT_EQ(input(R"({"type":"function_call_output","call_id":"c","output":[)"
                  R"({"type":"input_image","image_url":"https://a/b.png"}]})")
                .reason,
            "media_url");
  EXPECT_EQ(input(R"({"role":"user","content":[{"type":"input_file","file_id":"f"}]})").reason,
            "server_state");
}

// Absent is true there.
TEST(RequestPlan, KeepsStoredResponsesForTheirCaller) {
  EXPECT_TRUE(PlanOf(Endpoint::kResponses, With(Endpoint::kResponses, "")).of_caller_only);
  EXPECT_TRUE(
      PlanOf(Endpoint::kResponses, With(Endpoint::kResponses, R"("store":true)")).of_caller_only);
  EXPECT_TRUE(
      PlanOf(Endpoint::kResponses, With(Endpoint::kResponses, R"("store":null)")).of_caller_only);
  EXPECT_FALSE(
      PlanOf(Endpoint::kResponses, With(Endpoint::kResponses, R"("store":false)")).of_caller_only);
  EXPECT_FALSE(PlanOf(Endpoint::kChat, With(Endpoint::kChat, "")).of_caller_only);
}

TEST(RequestPlan, SaysHowMessagesMayBeCached) {
  const std::vector<Case> cases = {
      {R"("system":"a","temperature":1,"thinking":{"type":"enabled"})", kSemantic},
      {R"("output_config":{"effort":"low"},"inference_geo":"us")", kSemantic},
      {R"("metadata":{"user_id":"a"},"speed":"fast","cache_control":{"type":"x"})", kSemantic},
      {R"("tools":[{"name":"f","input_schema":{}}])", kExact, "tools"},
      {R"("tools":[{"type":"web_search_20250305","name":"w"}])", kNone, "fresh_data"},
      {R"("mcp_servers":[])", kSemantic},
      {R"("mcp_servers":[{"name":"a"}])", kNone, "fresh_data"},
      {R"("container":null)", kSemantic},
      {R"("container":"c")", kNone, "server_state"},
      {R"("container":{})", kNone, "server_state"},
      {R"("context_management":{"edits":[]})", kExact, "context_management"},
      {R"("fallbacks":[{"model":"x"}])", kExact, "fallbacks"},
      {R"("fallback_credit_token":"t")", kNone, "server_state"},
      {R"("diagnostics":{"previous_message_id":"m"})", kNone, "server_state"},
  };
  ExpectUses(Endpoint::kMessages, cases);
  for (Case c : cases) {  // a count of tokens is never semantic
    c = c.use == kSemantic ? Case{c.json, kExact, "count_tokens"} : c;
    EXPECT_EQ(PlanOf(Endpoint::kCountTokens, With(Endpoint::kCountTokens, c.json)).use, c.use)
        << c.json;
  }
}

TEST(RequestPlan, SaysWhatOfTheMessagesSpeaksAgainstACache) {
  ExpectUsesOfMessages(
      Endpoint::kChat,
      {
          {R"({"role":"system","content":"a"},{"role":"user","content":"b"})", kSemantic},
          {R"({"role":"user","content":[{"type":"text","text":"a"}]})", kSemantic},
          {R"({"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url",)"
           R"("image_url":{"url":"data:image/png;base64,AA"}}]})",
           kExact, "media"},
          {R"({"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a"}}]})",
           kNone, "media_url"},
          {R"({"role":"user","content":[{"type":"image_url","image_url":{"url":"HTTPS://a"}}]})",
           kNone, "media_url"},
          {R"({"role":"user","content":[{"type":"image_url","image_url":{"url":"gs://a/b"}}]})",
           kNone, "media_url"},
          {R"({"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]})", kNone,
           "server_state"},
          {R"({"role":"user","content":"https://a is a page"})", kSemantic},
          {R"({"role":"user","content":"a"},{"role":"user","content":"b"})", kExact, "multi_turn"},
          {R"({"role":"user","content":"a"},{"role":"assistant","content":"b"})", kExact,
           "multi_turn"},
          {R"({"role":"tool","tool_call_id":"c","content":"a"})", kExact, "tool_result"},
          {R"({"role":"user","content":""})", kExact, "empty_text"},
          {R"({"role":"user","content":null})", kExact, "no_text"},
          {R"({"role":"user","content":5})", kExact, "no_text"},
          {R"({"role":"user","content":{"type":"text","text":"a"}})", kExact, "no_text"},
          {R"({"role":"user","content":[{"type":"text","text":{}}]})", kExact, "no_text"},
          {R"({"role":"user"})", kExact, "no_text"},
          {R"("a",{"role":"user","content":"b"})", kExact, "unknown_message"},
          {R"({"role":"user","content":["a"]})", kExact, "unknown_part"},
          {"", kExact, "no_text"},
      });
  ExpectUsesOfMessages(
      Endpoint::kMessages,
      {
          {R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"t",)"
           R"("content":"https://a"}]})",
           kExact, "tool_result"},
          {R"({"role":"user","content":[{"type":"image","source":{"type":"url",)"
           R"("url":"https://a"}}]})",
           kNone, "media_url"},
          {R"({"role":"user","content":[{"type":"document","source":{"type":"file",)"
           R"("file_id":"f"}},{"type":"text","text":"a"}]})",
           kNone, "server_state"},
      });
  ExpectUsesOfMessages(Endpoint::kChat,
                       {
                           {R"({"role":"user","content":"a"},{"role":"assistant","content":"b"},)"
                            R"({"role":"user","content":"c"})",
                            kSemantic},
                           {R"({"role":"user","content":"a"},{"role":"assistant","content":"b"})",
                            kExact, "prefill"},
                       },
                       2);
}

TEST(RequestPlan, TakesTheLastTextOfTheUserForTheSlot) {
  const RequestPlan plan =
      PlanOf(Endpoint::kChat, Chat(R"({"role":"system","content":"s"},{"role":"user","content":[)"
                                   R"({"type":"text","text":"a"},{"type":"text","text":"b"}]})"));
  EXPECT_EQ(plan.slot, "b");
  EXPECT_NE(plan.canonical.find("s\1"), std::string::npos);
  EXPECT_EQ(plan.canonical.find(std::string("\1\0\0\0b", 5)), std::string::npos);
  EXPECT_EQ(PlanOf(Endpoint::kCompletions, With(Endpoint::kCompletions, "")).slot, "hello");
}

TEST(RequestPlan, HasADigestWhereNoTextIsTheSlot) {
  for (const std::string& body :
       {With(Endpoint::kChat, R"("x":1)"), Chat(R"({"role":"tool","content":"a"})"),
        Chat(R"({"role":"user","content":")" + std::string(kMaxSlotBytes + 1, 'x') + "\"}")}) {
    const RequestPlan plan = PlanOf(Endpoint::kChat, body);
    if (plan.use == kExact) {
      EXPECT_EQ(plan.slot.substr(0, 7), "sha256:");
      EXPECT_EQ(plan.slot.size(), 7U + 64U);
    }
  }
  const std::string most(kMaxSlotBytes, 'x');
  const RequestPlan plan =
      PlanOf(Endpoint::kChat, Chat(R"({"role":"user","content":")" + most + "\"}"));
  EXPECT_EQ(plan.use, kSemantic);
  EXPECT_EQ(plan.slot, most);
}

TEST(RequestPlan, ModelsThatSearchBringFreshData) {
  for (const std::string model : {"gpt-4o-search-preview", "gpt-5-search"}) {
    EXPECT_EQ(PlanOf(Endpoint::kChat,
                     R"({"model":")" + model + R"(","messages":[)" + std::string(kHello) + "]}")
                  .reason,
              "fresh_data");
  }
  EXPECT_EQ(
      PlanOf(Endpoint::kChat, R"({"model":"research","messages":[)" + std::string(kHello) + "]}")
          .use,
      kSemantic);
}

TEST(RequestPlan, CachesNothingThatIsReadInTwoWays) {
  for (const std::string_view body :
       {"", " ", "{", "null", "[]", "\"a\"", "{\"model\":\"m\"}x", "{'model':1}",
        "{\"model\":\"\xff\"}", "{\"model\":NaN}", "{\"a\":01}"}) {
    EXPECT_EQ(PlanOf(Endpoint::kChat, std::string(body)).reason, "unparsable") << body;
  }
  EXPECT_EQ(PlanOf(Endpoint::kChat, std::string(10'000, '[')).reason, "unparsable");
  for (const std::string_view more :
       {R"(,"model":"m")", R"(,"mod\u0065l":"m2")", R"(,"a":{"b":1,"b":1})",
        R"(,"user":1,"user":2)", R"(,"tools":[{"a":1,"\u0061":1}])"}) {
    EXPECT_EQ(PlanOf(Endpoint::kChat, Chat(kHello, more)).reason, "duplicate_member") << more;
  }
  EXPECT_EQ(PlanOf(Endpoint::kChat, Chat(R"({"role":"user","content":"a","content":"b"})")).reason,
            "duplicate_member");
  EXPECT_EQ(PlanOf(Endpoint::kChat, R"({"messages":[]})").reason, "no_model");
  EXPECT_EQ(PlanOf(Endpoint::kChat, R"({"model":5,"messages":[]})").reason, "no_model");
  EXPECT_EQ(PlanOf(Endpoint::kChat, R"({"model":"m"})").reason, "no_messages");
}

TEST(RequestPlan, IsUsableForOneBodyAfterTheOther) {
  RequestPlanner planner;
  for (const std::size_t size : {10U, 100'000U, 0U, 1'000U, 300'000U}) {
    std::string body = Chat(kHello, R"(,"x":")" + std::string(size, 'x') + "\"");
    const std::string before = body;
    EXPECT_EQ(planner.Plan(Endpoint::kChat, {}, &body).use, kSemantic);
    EXPECT_EQ(body, before);
    std::string broken = "{";
    EXPECT_EQ(planner.Plan(Endpoint::kChat, {}, &broken).use, kNone);
  }
}

TEST(RequestPlan, ReadsWhatTheGatewayNeeds) {
  const RequestPlan plan = PlanOf(
      Endpoint::kChat, Chat(kHello, R"(,"stream":true,"stream_options":{"include_usage":true},)"
                                    R"("cache":{"no-cache":true,"ttl":60,"s-maxage":5.5,)"
                                    R"("namespace":"n","no-store":"yes"})"));
  EXPECT_EQ(plan.model, "m");
  EXPECT_TRUE(plan.stream);
  EXPECT_TRUE(plan.has_stream_options);
  EXPECT_TRUE(plan.include_usage);
  EXPECT_TRUE(plan.cache.there);
  EXPECT_TRUE(plan.cache.no_cache);
  EXPECT_FALSE(plan.cache.no_store);
  EXPECT_EQ(plan.cache.ttl_s, 60);
  EXPECT_EQ(plan.cache.max_age_s, 5);
  EXPECT_EQ(plan.cache.name_space, "n");
  const RequestPlan plain = PlanOf(Endpoint::kChat, Chat(kHello, R"(,"cache":{"ttl":-1})"));
  EXPECT_FALSE(plain.stream || plain.has_stream_options || plain.include_usage);
  EXPECT_TRUE(plain.cache.there);
  EXPECT_FALSE(plain.cache.ttl_s.has_value());
}

}  // namespace
}  // namespace nearhit::server
