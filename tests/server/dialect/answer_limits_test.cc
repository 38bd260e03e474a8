// What cannot be converted without loss is an error.

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/dialect/answer.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

using Json = nlohmann::json;

// A stream of chat: these pieces of one choice.
std::vector<SseEvent> Chunks(const std::vector<std::string>& pieces) {
  std::vector<SseEvent> events;
  events.reserve(pieces.size() + 1);
  for (const std::string& piece : pieces) {
    events.push_back({"", R"({"id":"c","object":"chat.completion.chunk","choices":[{"index":0,)" +
                              piece + "}]}"});
  }
  events.push_back({"", "[DONE]"});
  return events;
}

Result<std::string> JoinPieces(const std::vector<std::string>& pieces) {
  return BodyFromEvents(Api::kChat, Chunks(pieces));
}

std::string MessageOf(const std::vector<std::string>& deltas) {
  std::vector<std::string> pieces;
  pieces.reserve(deltas.size());
  for (const std::string& delta : deltas) {
    pieces.push_back(R"("delta":)" + delta);
  }
  const auto body = JoinPieces(pieces);
  EXPECT_THAT(body, IsOk());
  return body.ok() ? Json::parse(*body)["choices"][0]["message"].dump() : "";
}

TEST(ChatPieces, AreJoined) {
  EXPECT_EQ(
      MessageOf({R"({"role":"assistant","content":"a"})", R"({"role":"assistant","content":"a"})"}),
      R"({"content":"aa","role":"assistant"})");
  EXPECT_EQ(MessageOf({R"({"content":null})", R"({"content":"a"})", R"({"content":null})"}),
            R"({"content":"a"})");
  EXPECT_EQ(MessageOf({R"({"function_call":{"name":"f","arguments":"{"}})",
                       R"({"function_call":{"arguments":"}"}})"}),
            R"({"function_call":{"arguments":"{}","name":"f"}})");
  EXPECT_EQ(MessageOf({R"({"x":null})", R"({"x":"once"})", R"({"x":""})"}), R"({"x":"once"})");
  EXPECT_EQ(MessageOf({R"({"tool_calls":[{"index":0,"id":"1","type":"custom","custom":{"name":"f",)"
                       R"("input":"a"}},{"index":1,"id":"2"}]})",
                       R"({"tool_calls":[{"index":0,"id":"","custom":{"input":"b"}}]})"}),
            R"({"tool_calls":[{"custom":{"input":"ab","name":"f"},"id":"1","type":"custom"},)"
            R"({"id":"2"}]})");
}

TEST(ChatPieces, AreNotGuessed) {
  const std::string call = R"("delta":{"tool_calls":[{"index":)";
  for (const std::vector<std::string>& pieces : std::vector<std::vector<std::string>>{
           {R"("delta":{"role":"assistant"})", R"("delta":{"role":"user"})"},
           {R"("delta":{"x":"a"})", R"("delta":{"x":"a"})"},
           {R"("delta":{"audio":{"data":"a"}})", R"("delta":{"audio":{"data":"b"}})"},
           {R"("delta":{"content":[{"type":"text","text":"a"}]})"},
           {R"("delta":{"content":7})"},
           {R"("delta":7)"},
           {R"("delta":{"tool_calls":[{"id":"1"}]})"},
           {R"("delta":{"tool_calls":{"id":"1"}})"},
           {R"("delta":{"tool_calls":[7]})"},
           {call + R"(1,"id":"1"}]})"},
           {call + R"(-1,"id":"1"}]})"},
           {call + R"(0,"id":"1"}]})", call + R"(0,"id":"2"}]})"},
           {call + R"(0,"function":"f"}]})"},
           {R"("delta":{"function_call":7})"},
           {R"("finish_reason":"stop")", R"("finish_reason":"length")"},
           {R"("token_ids":[1])", R"("token_ids":[1])"},
           {R"("logprobs":7)"},
           {R"("logprobs":{"content":[1]})", R"("logprobs":{"content":{"a":1}})"},
           {R"("message":{"content":"a"})"},
       }) {
    EXPECT_THAT(JoinPieces(pieces), StatusIs(StatusCode::kFailedPrecondition)) << pieces[0];
    EXPECT_EQ(InspectEvents(Api::kChat, Chunks(pieces)).refusal_to_store, "unknown_shape");
  }
}

TEST(ChatChunks, HaveToBelongTogether) {
  const auto join = [](const std::vector<std::string>& chunks) {
    std::vector<SseEvent> events;
    events.reserve(chunks.size() + 1);
    for (const std::string& chunk : chunks) {
      events.push_back({"", chunk});
    }
    events.push_back({"", "[DONE]"});
    return BodyFromEvents(Api::kChat, events);
  };
  const std::string choice = R"("object":"chat.completion.chunk","choices":[{"index":0}])";
  EXPECT_THAT(join({"{" + choice + "}"}), IsOk());
  EXPECT_THAT(
      join({R"({"id":"","created":0,)" + choice + "}", R"({"id":"a","created":5,)" + choice + "}",
            R"({"id":"a","created":6,)" + choice + "}"}),
      IsOk());
  for (const std::vector<std::string>& chunks : std::vector<std::vector<std::string>>{
           {},
           {"[]"},
           {R"({"id":"a",)" + choice + "}", R"({"id":"b",)" + choice + "}"},
           {R"({"object":"text_completion","choices":[{"index":0}]})"},
           {R"({"choices":[{"index":0}]})"},
           {R"({"object":"chat.completion.chunk","choices":[]})"},
           {R"({"object":"chat.completion.chunk","choices":{}})"},
           {R"({"object":"chat.completion.chunk","choices":[{"index":1}]})"},
           {R"({"object":"chat.completion.chunk","choices":[{"index":"0"}]})"},
           {R"({"object":"chat.completion.chunk","choices":[7]})"},
           {"{" + choice + R"(,"error":"busy"})"},
       }) {
    EXPECT_THAT(join(chunks), StatusIs(StatusCode::kFailedPrecondition));
  }
  EXPECT_THAT(join({"{"}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(join({R"({"a":1,"a":1})"}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(join({R"({"a":123456789012345678901})"}), StatusIs(StatusCode::kInvalidArgument));
}

TEST(ChatChunks, HaveALimitOfMembers) {
  std::vector<std::string> pieces;
  pieces.reserve(1100);
  for (int i = 0; i < 1100; ++i) {
    pieces.push_back("\"m" + std::to_string(i) + "\":1");
  }
  EXPECT_THAT(JoinPieces(pieces), StatusIs(StatusCode::kFailedPrecondition));
  pieces.resize(1000);
  EXPECT_THAT(JoinPieces(pieces), IsOk());
}

// `middle` stands between the start of a message and its end.
Result<std::string> JoinMessage(const std::vector<std::string>& middle) {
  std::vector<SseEvent> events;
  const auto add = [&events](const std::string& data) {
    const Json json = Json::parse(data);
    events.push_back({json["type"].get<std::string>(), data});
  };
  add(R"({"type":"message_start","message":{"type":"message","content":[],)"
      R"("usage":{"input_tokens":3,"output_tokens":1}}})");
  for (const std::string& data : middle) {
    add(data);
  }
  add(R"({"type":"message_stop"})");
  return BodyFromEvents(Api::kMessages, events);
}

const std::string kStart = R"({"type":"content_block_start","index":0,"content_block":)";
const std::string kText = kStart + R"({"type":"text","text":""}})";
const std::string kTool = kStart + R"({"type":"tool_use","id":"t","name":"f","input":{}}})";
const std::string kThinking = kStart + R"({"type":"thinking","thinking":"","signature":""}})";
const std::string kStop = R"({"type":"content_block_stop","index":0})";

std::string Delta(const std::string& delta, int index = 0) {
  return R"({"type":"content_block_delta","index":)" + std::to_string(index) + R"(,"delta":)" +
         delta + "}";
}

TEST(MessageEvents, AreJoined) {
  const auto thinking = JoinMessage(
      {kThinking, Delta(R"({"type":"thinking_delta","thinking":"a","estimated_tokens":5})"),
       Delta(R"({"type":"signature_delta","signature":"s"})"),
       Delta(R"({"type":"signature_delta","signature":"t"})"), kStop});
  ASSERT_THAT(thinking, IsOk());
  EXPECT_EQ(Json::parse(*thinking)["content"][0]["signature"], "t");
  const auto usage = JoinMessage(
      {R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}})",
       R"({"type":"message_delta","delta":{},"usage":{"output_tokens":9,"input_tokens":null},)"
       R"("context_management":{"applied_edits":[]}})"});
  ASSERT_THAT(usage, IsOk());
  const Json body = Json::parse(*usage);
  EXPECT_EQ(body["usage"], Json::parse(R"({"input_tokens":3,"output_tokens":9})"));
  EXPECT_EQ(body["stop_reason"], "end_turn");
  EXPECT_TRUE(body.contains("context_management"));
}

TEST(MessageEvents, AreNotGuessed) {
  for (const std::vector<std::string>& middle : std::vector<std::vector<std::string>>{
           {kText},
           {kStop},
           {kText, kStop, kStop},
           {kText, kText, kStop},
           {kText, Delta(R"({"type":"text_delta","text":"a"})", 1), kStop},
           {kText, kStop, Delta(R"({"type":"text_delta","text":"a"})")},
           {kText, Delta(R"({"type":"thinking_delta","thinking":"a"})"), kStop},
           {kText, Delta(R"({"type":"new_delta","text":"a"})"), kStop},
           {kText, Delta(R"({"type":"text_delta","text":"a","more":1})"), kStop},
           {kText, Delta(R"({"type":"text_delta","text":7})"), kStop},
           {kText, Delta(R"({"type":"citations_delta"})"), kStop},
           {kText, Delta(R"({"type":"input_json_delta","partial_json":"{}"})"), kStop},
           {kStart + R"({"type":"tool_use","input":{"a":1}}})",
            Delta(R"({"type":"input_json_delta","partial_json":"{}"})"), kStop},
           {R"({"type":"message_delta","delta":{"new":1}})"},
           {R"({"type":"message_delta","new":1})"},
           {R"({"type":"message_delta","usage":7})"},
           {R"({"type":"message_stop"})"},
           {R"({"type":"message_start","message":{"content":[]}})"},
           {R"({"type":"new_event"})"},
           {R"({"type":"error","error":{"type":"overloaded_error"}})"},
       }) {
    EXPECT_THAT(JoinMessage(middle), StatusIs(StatusCode::kFailedPrecondition)) << middle[0];
  }
  EXPECT_THAT(
      JoinMessage({kTool, Delta(R"({"type":"input_json_delta","partial_json":"{"})"), kStop}),
      StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(BodyFromEvents(Api::kMessages, std::vector<SseEvent>{{"ping", R"({"type":"x"})"}}),
              StatusIs(StatusCode::kFailedPrecondition));
}

TEST(ResponseEvents, HaveToAgreeWithTheirEnd) {
  const std::string item = R"({"type":"message","id":"m","status":"completed","content":[]})";
  const auto join = [](const std::string& done, const std::string& output) {
    std::vector<SseEvent> events = {{"", R"({"type":"response.created"})"}};
    if (!done.empty()) {
      events.push_back(
          {"", R"({"type":"response.output_item.done","output_index":0,"item":)" + done + "}"});
    }
    events.push_back({"response.completed",
                      R"({"type":"response.completed","response":{"output":[)" + output + "]}}"});
    return BodyFromEvents(Api::kResponses, events);
  };
  EXPECT_THAT(join(item, item), IsOkAndHolds(R"({"output":[)" + item + "]}"));
  EXPECT_THAT(join(item, R"({"type":"message"})"), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT(join(item, ""), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT(join("", item), StatusIs(StatusCode::kFailedPrecondition));
}

TEST(EventsFromBody, RefusesWhatAStreamCannotSay) {
  const auto chat = [](const std::string& message, const std::string& more = "") {
    return EventsFromBody(
        Api::kChat, R"({"object":"chat.completion","choices":[{"index":0,"message":)" + message +
                        R"(,"finish_reason":"stop"}])" + more + "}");
  };
  EXPECT_THAT(chat(R"({"content":"a","x":[{"y":1}]})"), IsOk());
  EXPECT_THAT(chat(R"({"content":[{"type":"text"}]})"), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT(chat(R"({"content":7})"), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT(chat("7"), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT(chat(R"({"tool_calls":[{"index":0,"id":"a"}]})"),
              StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT(chat(R"({"tool_calls":[7]})"), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT(chat("{}", R"(,"usage":null)"), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT(chat("{}", R"(,"obfuscation":"x")"), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT(chat("{}", R"(,"error":"x")"), StatusIs(StatusCode::kFailedPrecondition));
  const auto refuse = [](Api api, const std::string& body) {
    EXPECT_THAT(EventsFromBody(api, body), StatusIs(StatusCode::kFailedPrecondition)) << body;
  };
  refuse(Api::kChat, R"({"choices":[{"index":0,"message":{}}]})");
  refuse(Api::kChat, R"({"object":"chat.completion","choices":[]})");
  refuse(Api::kChat, R"({"object":"chat.completion","choices":[{"index":1,"message":{}}]})");
  refuse(Api::kCompletions, R"({"object":"text_completion","choices":[{"text":"a"}]})");
  refuse(Api::kMessages, R"({"type":"message","content":7})");
  refuse(Api::kMessages, R"({"type":"message","content":[7]})");
  refuse(Api::kResponses, R"({"object":"response","status":"completed","output":[7]})");
  refuse(Api::kResponses, R"({"object":"response","status":"incomplete","output":[]})");
  refuse(Api::kResponses,
         R"({"object":"response","status":"completed","output":[{"type":"function_call"}]})");
  EXPECT_THAT(EventsFromBody(Api::kChat, "x"), StatusIs(StatusCode::kInvalidArgument));
}

TEST(BodyFromEvents, KeepsBodiesShallowEnoughToWriteThemAgain) {
  const auto nested = [](std::size_t depth) {
    return R"({"object":"text_completion","x":)" + std::string(depth, '[') +
           std::string(depth, ']') +
           R"(,"choices":[{"index":0,"text":"a","finish_reason":"stop"}]})";
  };
  const auto body =
      BodyFromEvents(Api::kCompletions, std::vector<SseEvent>{{"", nested(59)}, {"", "[DONE]"}});
  ASSERT_THAT(body, IsOk());
  EXPECT_THAT(EventsFromBody(Api::kCompletions, *body), IsOk());
  EXPECT_THAT(
      BodyFromEvents(Api::kCompletions, std::vector<SseEvent>{{"", nested(60)}, {"", "[DONE]"}}),
      StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT(
      BodyFromEvents(Api::kCompletions, std::vector<SseEvent>{{"", nested(64)}, {"", "[DONE]"}}),
      StatusIs(StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace nearhit::server
