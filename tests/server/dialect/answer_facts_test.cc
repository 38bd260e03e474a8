// Which answers may be stored, what they hold, and what is left without reasoning.

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/dialect/answer.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

using Json = nlohmann::json;

// Bodies with one thing changed.
std::string ChatAnswer(const std::string& message, const std::string& finish = R"("stop")",
                       const std::string& more = "") {
  return R"({"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,)"
         R"("message":{"role":"assistant",)" +
         message + R"(},"finish_reason":)" + finish + "}]" + more + "}";
}

std::string Completion(const std::string& text, const std::string& finish) {
  return R"({"object":"text_completion","model":"m","choices":[{"index":0,"text":)" + text +
         R"(,"finish_reason":)" + finish + "}]}";
}

std::string Message(const std::string& blocks, const std::string& reason = R"("end_turn")",
                    const std::string& more = "") {
  return R"({"type":"message","role":"assistant","model":"m","content":[)" + blocks +
         R"(],"stop_reason":)" + reason + more + "}";
}

std::string Response(const std::string& items, const std::string& status = "completed",
                     const std::string& more = "") {
  return R"({"object":"response","model":"m","status":")" + status + R"(","output":[)" + items +
         "]" + more + "}";
}

std::string MessageItem(const std::string& parts, const std::string& status = "completed") {
  return R"({"type":"message","id":"msg_1","role":"assistant","status":")" + status +
         R"(","content":[)" + parts + "]}";
}

const std::string kHi = R"("content":"hi")";
const std::string kTextBlock = R"({"type":"text","text":"hi"})";
const std::string kTextPart = R"({"type":"output_text","text":"hi","annotations":[]})";

struct Case {
  Api api;
  std::string body;
  std::string refusal;
  bool text_only = false;
};

void ExpectFacts(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.body);
    const AnswerFacts facts = InspectBody(c.api, c.body);
    EXPECT_EQ(facts.refusal_to_store, c.refusal);
    EXPECT_EQ(facts.text_only, c.text_only);
  }
}

TEST(InspectBody, OfChat) {
  ExpectFacts({
      {Api::kChat, ChatAnswer(kHi), "", true},
      {Api::kChat, ChatAnswer(R"("content":"")"), "", true},
      {Api::kChat, ChatAnswer(kHi + R"(,"refusal":null,"annotations":[],"tool_calls":[])"), "",
       true},
      {Api::kChat, ChatAnswer(kHi, R"("length")"), "length"},
      {Api::kChat, ChatAnswer(kHi, R"("content_filter")"), "content_filter"},
      {Api::kChat, ChatAnswer(R"("content":null)", R"("tool_calls")"), "tool_call"},
      {Api::kChat, ChatAnswer(kHi, R"("function_call")"), "tool_call"},
      {Api::kChat, ChatAnswer(R"("content":"","tool_calls":[{"id":"1"}])"), "tool_call"},
      {Api::kChat, ChatAnswer(R"("content":"","function_call":{"name":"f"})"), "tool_call"},
      {Api::kChat, ChatAnswer(R"("content":null,"refusal":"no")"), "refusal"},
      {Api::kChat, ChatAnswer(kHi, "null"), "incomplete"},
      {Api::kChat, ChatAnswer(kHi, R"("abort")"), "unknown_shape"},
      {Api::kChat, ChatAnswer(R"("content":null)"), "empty"},
      {Api::kChat, ChatAnswer(R"("content":[])"), "empty"},
      {Api::kChat, ChatAnswer(R"("content":7)"), "unknown_shape"},
      {Api::kChat, ChatAnswer(R"("content":[{"type":"text","text":"hi"}])"), ""},
      {Api::kChat, ChatAnswer(R"("content":null,"audio":{"id":"a"})"), ""},
      {Api::kChat, ChatAnswer(kHi + R"(,"annotations":[{"type":"url_citation"}])"), "fresh_data"},
      {Api::kChat, ChatAnswer(kHi, R"("stop")", R"(,"citations":["https://example.com"])"),
       "fresh_data"},
      {Api::kChat, ChatAnswer(kHi, R"("stop")", R"(,"error":{"message":"no"})"), "error"},
      {Api::kChat, ChatAnswer(kHi, R"("stop")", R"(,"error":null)"), "", true},
  });
}

TEST(InspectBody, OfCompletions) {
  ExpectFacts({
      {Api::kCompletions, Completion(R"("hi")", R"("stop")"), "", true},
      {Api::kCompletions, Completion(R"("hi")", R"("length")"), "length"},
      {Api::kCompletions, Completion(R"("hi")", R"("content_filter")"), "content_filter"},
      {Api::kCompletions, Completion(R"("hi")", "null"), "incomplete"},
      {Api::kCompletions, Completion(R"("hi")", R"("error")"), "unknown_shape"},
      {Api::kCompletions, Completion("null", R"("stop")"), "unknown_shape"},
      {Api::kCompletions, R"({"object":"text_completion","choices":[]})", "unknown_shape"},
  });
}

TEST(InspectBody, OfMessages) {
  const auto block = [](const std::string& type) {
    return kTextBlock + R"(,{"type":")" + type + R"("})";
  };
  ExpectFacts({
      {Api::kMessages, Message(kTextBlock), "", true},
      {Api::kMessages, Message(kTextBlock, R"("stop_sequence")", R"(,"stop_sequence":"x")"), "",
       true},
      {Api::kMessages, Message(kTextBlock, R"("max_tokens")"), "length"},
      {Api::kMessages, Message(kTextBlock, R"("model_context_window_exceeded")"), "length"},
      {Api::kMessages, Message(block("tool_use"), R"("tool_use")"), "tool_call"},
      {Api::kMessages, Message(block("tool_use")), "tool_call"},
      {Api::kMessages, Message(kTextBlock, R"("pause_turn")"), "incomplete"},
      {Api::kMessages, Message(kTextBlock, "null"), "incomplete"},
      {Api::kMessages, Message(kTextBlock, R"("refusal")"), "refusal"},
      {Api::kMessages,
       Message(kTextBlock, R"("end_turn")", R"(,"stop_details":{"type":"refusal"})"), "refusal"},
      {Api::kMessages, Message(kTextBlock, R"("compaction")"), "server_state"},
      {Api::kMessages, Message(kTextBlock, R"("end_turn")", R"(,"container":{"id":"c"})"),
       "server_state"},
      {Api::kMessages, Message(block("container_upload")), "server_state"},
      {Api::kMessages, Message(block("compaction")), "server_state"},
      {Api::kMessages, Message(block("server_tool_use")), "fresh_data"},
      {Api::kMessages, Message(block("web_search_tool_result")), "fresh_data"},
      {Api::kMessages, Message(block("mcp_tool_use")), "fresh_data"},
      {Api::kMessages, Message(block("fallback")), ""},
      {Api::kMessages, Message(block("new_kind")), "unknown_shape"},
      {Api::kMessages, Message(kTextBlock, R"("new_reason")"), "unknown_shape"},
      {Api::kMessages, Message(""), "empty"},
      {Api::kMessages, Message(R"({"type":"thinking","thinking":"hm"})"), "empty"},
      {Api::kMessages, Message(R"({"type":"text"})"), "unknown_shape"},
      {Api::kMessages,
       Message(R"({"type":"text","text":"a","citations":[{"type":"page_location"}]})"), ""},
      {Api::kMessages,
       Message(R"({"type":"text","text":"a","citations":[{"type":"web_search_result_location"}]})"),
       "fresh_data"},
      {Api::kMessages, R"({"type":"error","error":{"type":"overloaded_error"}})", "error"},
  });
}

TEST(InspectBody, OfResponses) {
  const std::string text = MessageItem(kTextPart);
  const auto item = [&text](const std::string& type) {
    return text + R"(,{"type":")" + type + R"("})";
  };
  const std::string cited = R"({"type":"output_text","text":"a","annotations":[{"type":"url"}]})";
  ExpectFacts({
      {Api::kResponses, Response(text), "", true},
      {Api::kResponses, Response(text, "completed", R"(,"error":null,"background":false)"), "",
       true},
      {Api::kResponses, Response(item("reasoning")), ""},
      {Api::kResponses, Response(text, "failed"), "error"},
      {Api::kResponses, Response(text, "completed", R"(,"error":{"code":"x"})"), "error"},
      {Api::kResponses, Response(text, "in_progress"), "incomplete"},
      {Api::kResponses, Response(text, "incomplete"), "incomplete"},
      {Api::kResponses,
       Response(text, "incomplete", R"(,"incomplete_details":{"reason":"max_output_tokens"})"),
       "length"},
      {Api::kResponses,
       Response(text, "incomplete", R"(,"incomplete_details":{"reason":"content_filter"})"),
       "content_filter"},
      {Api::kResponses,
       Response(text, "completed", R"(,"incomplete_details":{"reason":"steered"})"), "incomplete"},
      {Api::kResponses, Response(MessageItem(kTextPart, "incomplete")), "incomplete"},
      {Api::kResponses, Response(text, "completed", R"(,"background":true)"), "server_state"},
      {Api::kResponses, Response(text, "completed", R"(,"previous_response_id":"r")"),
       "server_state"},
      {Api::kResponses, Response(text, "completed", R"(,"conversation":{"id":"c"})"),
       "server_state"},
      {Api::kResponses, Response(text, "completed", R"(,"prompt":{"id":"p"})"), "server_state"},
      {Api::kResponses, Response(item("compaction")), "server_state"},
      {Api::kResponses, Response(item("function_call")), "tool_call"},
      {Api::kResponses, Response(item("custom_tool_call")), "tool_call"},
      {Api::kResponses, Response(item("web_search_call")), "fresh_data"},
      {Api::kResponses, Response(item("mcp_list_tools")), "fresh_data"},
      {Api::kResponses, Response(item("new_kind")), "unknown_shape"},
      {Api::kResponses, Response(MessageItem(R"({"type":"refusal","refusal":"no"})")), "refusal"},
      {Api::kResponses, Response(MessageItem(cited)), "fresh_data"},
      {Api::kResponses, Response(MessageItem(R"({"type":"new"})")), "unknown_shape"},
      {Api::kResponses, Response(MessageItem("")), "empty"},
      {Api::kResponses, Response(""), "empty"},
      {Api::kResponses, Response(R"({"type":"message","status":"completed"})"), "unknown_shape"},
      {Api::kResponses,
       Response(R"({"type":"message","status":"completed","content":[)" + kTextPart + "]}"), ""},
  });
}

TEST(InspectBody, RefusesWhatIsNoAnswer) {
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  for (const Api api : {Api::kChat, Api::kCompletions, Api::kMessages, Api::kResponses}) {
    for (const std::string& body :
         {std::string(), std::string("{"), std::string("[]"), std::string("null"),
          std::string("{}"), std::string(R"({"choices":5,"content":5,"output":5})"), deep,
          std::string("{\"a\":\"\xff\"}"), std::string(R"({"choices":[1],"type":"message"})")}) {
      const AnswerFacts facts = InspectBody(api, body);
      EXPECT_EQ(facts.refusal_to_store, "unknown_shape") << body;
      EXPECT_FALSE(facts.text_only);
    }
    EXPECT_EQ(InspectBody(api, R"({"error":{"message":"x"}})").refusal_to_store, "error");
  }
}

struct Thoughts {
  Api api;
  std::string with;
  std::string without;
};

TEST(WithoutReasoning, TakesOutThoughtsAndSignatures) {
  const std::string text = MessageItem(kTextPart);
  for (const Thoughts& c : std::vector<Thoughts>{
           {Api::kChat, ChatAnswer(kHi + R"(,"reasoning_content":"hm")"), ChatAnswer(kHi)},
           {Api::kChat,
            ChatAnswer(kHi + R"(,"reasoning":"hm","reasoning_details":[{"text":"hm"}])"),
            ChatAnswer(kHi)},
           {Api::kChat,
            ChatAnswer(kHi + R"(,"extra_content":{"google":{"thought_signature":"s"}})"),
            ChatAnswer(kHi + R"(,"extra_content":{"google":{}})")},
           {Api::kChat,
            ChatAnswer(
                R"("content":[{"type":"thinking","thinking":[]},{"type":"text","text":"a"}])"),
            ChatAnswer(R"("content":[{"type":"text","text":"a"}])")},
           {Api::kMessages,
            Message(R"({"type":"thinking","thinking":"hm","signature":"s"},)"
                    R"({"type":"redacted_thinking","data":"x"},)" +
                    kTextBlock),
            Message(kTextBlock)},
           {Api::kResponses, Response(R"({"type":"reasoning","encrypted_content":"x"},)" + text),
            Response(text)}}) {
    const auto without = WithoutReasoning(c.api, c.with);
    ASSERT_THAT(without, IsOk());
    EXPECT_EQ(Json::parse(*without), Json::parse(c.without));
    EXPECT_TRUE(InspectBody(c.api, c.with).has_reasoning);
    EXPECT_FALSE(InspectBody(c.api, *without).has_reasoning);
  }
}

TEST(WithoutReasoning, LeavesTheBytesOfOthers) {
  for (const auto& [api, body] : std::vector<std::pair<Api, std::string>>{
           {Api::kChat, " " + ChatAnswer(R"("content":"<think>hm</think>hi","refusal":null)")},
           {Api::kCompletions, Completion(R"("\u00e9")", R"("stop")")},
           {Api::kMessages, Message(kTextBlock)},
           {Api::kResponses,
            Response(MessageItem(kTextPart), "completed", R"(,"reasoning":{"effort":"low"})")}}) {
    EXPECT_THAT(WithoutReasoning(api, body), IsOkAndHolds(body));
  }
}

// Completions name tokens as members.
TEST(WithoutReasoning, KeepsTokensOfLogprobs) {
  const std::string body =
      R"({"object":"text_completion","choices":[{"index":0,"text":"a","finish_reason":"stop",)"
      R"("logprobs":{"top_logprobs":[{"thinking":-0.1}]}}]})";
  EXPECT_FALSE(InspectBody(Api::kCompletions, body).has_reasoning);
  EXPECT_THAT(WithoutReasoning(Api::kCompletions, body), IsOkAndHolds(body));
}

TEST(WithoutReasoning, FailsWhenNothingIsLeft) {
  EXPECT_THAT(
      WithoutReasoning(Api::kMessages, Message(R"({"type":"redacted_thinking","data":"x"})")),
      StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT(WithoutReasoning(Api::kResponses, Response(R"({"type":"reasoning"})")),
              StatusIs(StatusCode::kFailedPrecondition));
  for (const Api api : {Api::kChat, Api::kCompletions, Api::kMessages, Api::kResponses}) {
    EXPECT_THAT(WithoutReasoning(api, "{}"), StatusIs(StatusCode::kInvalidArgument));
    EXPECT_THAT(WithoutReasoning(api, "x"), StatusIs(StatusCode::kInvalidArgument));
  }
}

TEST(AnswerText, IsWhatTheAnswerSays) {
  EXPECT_EQ(AnswerText(Api::kChat, ChatAnswer(R"("content":"Hi","reasoning":"Hm")")), "Hi");
  EXPECT_EQ(AnswerText(Api::kChat, R"({"choices":[{"message":{"content":"a"}},)"
                                   R"({"message":{"content":null}},{"message":{"content":"b"}}]})"),
            "a\nb");
  EXPECT_EQ(AnswerText(Api::kCompletions, R"({"choices":[{"text":"a"},{"text":"b"}]})"), "a\nb");
  EXPECT_EQ(AnswerText(Api::kMessages, R"({"content":[{"type":"thinking","thinking":"Hm"},)"
                                       R"({"type":"text","text":"Hi"}]})"),
            "Hi");
  EXPECT_EQ(AnswerText(Api::kResponses,
                       R"({"output":[{"type":"reasoning","summary":[]},{"type":"message",)"
                       R"("content":[{"type":"output_text","text":"Hi"}]}]})"),
            "Hi");
}

TEST(AnswerText, IsEmptyForOtherThings) {
  for (const Api api : {Api::kChat, Api::kCompletions, Api::kMessages, Api::kResponses}) {
    for (const char* body : {"", "[]", "{", "1", R"({"choices":1,"content":{},"output":[1]})",
                             R"({"choices":[1,{"message":1},{"text":[]}],"content":[1,{}]})"}) {
      EXPECT_EQ(AnswerText(api, body), "") << body;
    }
  }
}

TEST(ErrorBody, HasTheShapeOfTheDialect) {
  EXPECT_EQ(ErrorBody(Api::kChat, 429, "slow \"down\"", "req_1"),
            R"({"error":{"message":"slow \"down\"","type":"rate_limit_error","param":null,)"
            R"("code":null}})");
  EXPECT_EQ(ErrorBody(Api::kMessages, 529, "later", "req_1"),
            R"({"type":"error","error":{"type":"overloaded_error","message":"later"},)"
            R"("request_id":"req_1"})");
  EXPECT_FALSE(Json::parse(ErrorBody(Api::kMessages, 500, "x", "")).contains("request_id"));
  const auto type = [](Api api, int status) {
    return Json::parse(ErrorBody(api, status, "\xff", ""))["error"]["type"].get<std::string>();
  };
  EXPECT_EQ(type(Api::kResponses, 400), "invalid_request_error");
  EXPECT_EQ(type(Api::kCompletions, 401), "authentication_error");
  EXPECT_EQ(type(Api::kChat, 502), "server_error");
  EXPECT_EQ(type(Api::kMessages, 400), "invalid_request_error");
  EXPECT_EQ(type(Api::kMessages, 413), "request_too_large");
  EXPECT_EQ(type(Api::kMessages, 502), "api_error");
}

TEST(ErrorEvent, IsAnErrorToEverySdk) {
  for (const Api api : {Api::kChat, Api::kCompletions, Api::kMessages, Api::kResponses}) {
    const std::string block = ErrorEvent(api, "upstream\nwent away", 7);
    EXPECT_TRUE(block.starts_with("event: error\ndata: {"));
    EXPECT_TRUE(block.ends_with("}\n\n"));
    const std::string data = block.substr(19, block.size() - 21);
    const Json json = Json::parse(data);
    EXPECT_EQ(json["error"]["message"], "upstream\nwent away");
    EXPECT_EQ(RoleOf(api, {"error", data}), EventRole::kError);
    EXPECT_EQ(RoleOf(api, {"", data}), EventRole::kError);
    if (api == Api::kResponses) {
      EXPECT_EQ(json["type"], "error");
      EXPECT_EQ(json["sequence_number"], 7);
    }
  }
}

TEST(RoleOf, SeesWhatAStreamSays) {
  const auto chat = [](const std::string& data) { return RoleOf(Api::kChat, {"", data}); };
  EXPECT_EQ(chat("[DONE]"), EventRole::kTerminal);
  EXPECT_EQ(chat(R"({"choices": [ ],"usage":{"total_tokens":1}})"), EventRole::kUsageOnly);
  EXPECT_EQ(chat(R"({"choices":[],"usage":null})"), EventRole::kOther);
  EXPECT_EQ(chat(R"({"choices":[],"prompt_filter_results":[]})"), EventRole::kOther);
  EXPECT_EQ(chat(R"({"choices":[{"x":{"choices":[]}}],"usage":{}})"), EventRole::kOther);
  EXPECT_EQ(chat(R"({"choices":[{"delta":{"content":"\"error\""}}],"error":null})"),
            EventRole::kOther);
  EXPECT_EQ(chat(R"({"error":"busy"})"), EventRole::kError);
  EXPECT_EQ(chat(R"({"error" : )"), EventRole::kOther);
  EXPECT_EQ(chat(R"({"choices")"), EventRole::kOther);
  EXPECT_EQ(chat(""), EventRole::kOther);
  EXPECT_EQ(RoleOf(Api::kMessages, {"message_stop", "{}"}), EventRole::kTerminal);
  EXPECT_EQ(RoleOf(Api::kMessages, {"", R"({"type":"message_stop"})"}), EventRole::kTerminal);
  EXPECT_EQ(RoleOf(Api::kMessages, {"ping", R"({"type":"ping"})"}), EventRole::kOther);
  EXPECT_EQ(RoleOf(Api::kResponses, {"response.completed", "{}"}), EventRole::kTerminal);
  EXPECT_EQ(RoleOf(Api::kResponses, {"response.incomplete", "{}"}), EventRole::kTerminal);
  EXPECT_EQ(RoleOf(Api::kResponses, {"response.failed", "{}"}), EventRole::kError);
  EXPECT_EQ(RoleOf(Api::kResponses, {"", R"({"type":"response.completed"})"}),
            EventRole::kTerminal);
  EXPECT_EQ(RoleOf(Api::kResponses, {"", R"({"delta":"\"error\"","type":"x"})"}),
            EventRole::kOther);
}

}  // namespace
}  // namespace nearhit::server
