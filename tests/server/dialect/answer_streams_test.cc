// Streams and bodies of tests/data/dialect, one from the other.

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/dialect/answer.h"
#include "tests/server/dialect/dialect_data.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

using Json = nlohmann::json;

Api ApiOf(const std::string& name) {
  return name.starts_with("chat")          ? Api::kChat
         : name.starts_with("completions") ? Api::kCompletions
         : name.starts_with("messages")    ? Api::kMessages
                                           : Api::kResponses;
}

std::string Joined(const std::vector<std::string>& blocks) {
  std::string stream;
  for (const std::string& block : blocks) {
    stream += block;
  }
  return stream;
}

// The SDK keeps of unknown members only those of the first chunk with choices.
Json WithoutFilterResults(Json body) {
  body.erase("prompt_filter_results");
  for (Json& choice : body["choices"]) {
    choice.erase("content_filter_results");
  }
  return body;
}

class DialectStreams : public testing::TestWithParam<std::string> {
 protected:
  Api api() const { return ApiOf(GetParam()); }
  std::vector<SseEvent> Events() const { return ReadEvents(ReadDialectFile(GetParam() + ".sse")); }
};

std::string StreamName(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::erase(name, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Whole, DialectStreams, testing::ValuesIn(DialectFiles(".json")),
                         StreamName);

TEST_P(DialectStreams, BecomeWhatTheSdkMakesOfThem) {
  const auto body = BodyFromEvents(api(), Events());
  ASSERT_THAT(body, IsOk());
  Json got = Json::parse(*body);
  Json expected = Json::parse(ReadDialectFile(GetParam() + ".json"));
  if (GetParam() == "chat_azure") {
    got = WithoutFilterResults(std::move(got));
    expected = WithoutFilterResults(std::move(expected));
  }
  EXPECT_EQ(got, expected);
}

TEST_P(DialectStreams, AreWrittenAgainOrRefused) {
  const auto body = BodyFromEvents(api(), Events());
  ASSERT_THAT(body, IsOk());
  const auto blocks = EventsFromBody(api(), *body);
  if (GetParam() == "responses_reasoning") {
    EXPECT_THAT(blocks, StatusIs(StatusCode::kFailedPrecondition));
    return;
  }
  ASSERT_THAT(blocks, IsOk());
  const std::vector<SseEvent> events = ReadEvents(Joined(*blocks));
  ASSERT_EQ(events.size(), blocks->size());
  const auto again = BodyFromEvents(api(), events);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(Json::parse(*again), Json::parse(*body));
  EXPECT_EQ(RoleOf(api(), events.back()), EventRole::kTerminal);
  for (std::size_t i = 0; i + 1 < events.size(); ++i) {
    EXPECT_NE(RoleOf(api(), events[i]), EventRole::kTerminal);
    EXPECT_NE(RoleOf(api(), events[i]), EventRole::kError);
  }
}

TEST_P(DialectStreams, HaveTheFactsOfTheirBody) {
  const auto body = BodyFromEvents(api(), Events());
  ASSERT_THAT(body, IsOk());
  const AnswerFacts of_events = InspectEvents(api(), Events());
  const AnswerFacts of_body = InspectBody(api(), *body);
  EXPECT_EQ(of_events.refusal_to_store, of_body.refusal_to_store);
  EXPECT_EQ(of_events.text_only, of_body.text_only);
  EXPECT_EQ(of_events.has_reasoning,
            GetParam().ends_with("reasoning") || GetParam().ends_with("thinking"));
  EXPECT_EQ(of_events.model, Json::parse(*body)["model"]);
}

TEST_P(DialectStreams, AreRefusedWhenCut) {
  const std::vector<SseEvent> events = Events();
  for (std::size_t size = 0; size < events.size(); ++size) {
    const std::span<const SseEvent> some(events.data(), size);
    EXPECT_THAT(BodyFromEvents(api(), some), StatusIs(StatusCode::kFailedPrecondition));
    EXPECT_EQ(InspectEvents(api(), some).refusal_to_store, "incomplete");
  }
  std::vector<SseEvent> more = events;
  more.push_back(events.front());
  EXPECT_THAT(BodyFromEvents(api(), more), StatusIs(StatusCode::kFailedPrecondition));
}

TEST_P(DialectStreams, MayHoldComments) {
  std::vector<SseEvent> events;
  for (const SseEvent& event : Events()) {
    events.push_back({});
    events.push_back(event);
  }
  events.push_back({});
  EXPECT_EQ(*BodyFromEvents(api(), events), *BodyFromEvents(api(), Events()));
}

struct Facts {
  std::string stream;
  std::string refusal;
  bool text_only = false;
};

TEST(AnswerStreams, SayWhetherTheyMayBeStored) {
  for (const Facts& facts : std::vector<Facts>{{"chat_azure", "", true},
                                               {"chat_cut", "incomplete"},
                                               {"chat_error", "error"},
                                               {"chat_logprobs", "", true},
                                               {"chat_reasoning", "", true},
                                               {"chat_refusal", "refusal"},
                                               {"chat_text", "", true},
                                               {"chat_tool_calls", "tool_call"},
                                               {"chat_two_choices", "", true},
                                               {"completions_logprobs", "", true},
                                               {"completions_text", "", true},
                                               {"messages_citations", ""},
                                               {"messages_error", "error"},
                                               {"messages_server_tool", "fresh_data"},
                                               {"messages_text", "", true},
                                               {"messages_thinking", "", true},
                                               {"messages_tool_use", "tool_call"},
                                               {"responses_failed", "error"},
                                               {"responses_incomplete", "length"},
                                               {"responses_reasoning", ""},
                                               {"responses_text", "", true}}) {
    SCOPED_TRACE(facts.stream);
    const AnswerFacts got =
        InspectEvents(ApiOf(facts.stream), ReadEvents(ReadDialectFile(facts.stream + ".sse")));
    EXPECT_EQ(got.refusal_to_store, facts.refusal);
    EXPECT_EQ(got.text_only, facts.text_only);
  }
}

TEST(AnswerStreams, EndInErrors) {
  for (const std::string name : {"chat_error", "messages_error", "responses_failed"}) {
    const std::vector<SseEvent> events = ReadEvents(ReadDialectFile(name + ".sse"));
    EXPECT_EQ(RoleOf(ApiOf(name), events.back()), EventRole::kError) << name;
    EXPECT_THAT(BodyFromEvents(ApiOf(name), events), StatusIs(StatusCode::kFailedPrecondition));
  }
}

TEST(AnswerStreams, HaveOneEventForUsageAlone) {
  const std::vector<SseEvent> events = ReadEvents(ReadDialectFile("chat_text.sse"));
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(RoleOf(Api::kChat, events[i]) == EventRole::kUsageOnly, i + 2 == events.size());
  }
}

TEST(AnswerStreams, ReadUsage) {
  const auto usage = [](const std::string& name) {
    return InspectEvents(ApiOf(name), ReadEvents(ReadDialectFile(name + ".sse"))).usage;
  };
  const TokenUsage chat = usage("chat_text");
  EXPECT_TRUE(chat.known);
  EXPECT_EQ(chat.input, 19U);
  EXPECT_EQ(chat.cached_input, 4U);
  EXPECT_EQ(chat.output, 10U);
  EXPECT_EQ(chat.reasoning, 2U);
  const TokenUsage messages = usage("messages_thinking");
  EXPECT_EQ(messages.input, 37U);
  EXPECT_EQ(messages.cached_input, 12U);
  EXPECT_EQ(messages.output, 30U);
  EXPECT_EQ(messages.reasoning, 20U);
  const TokenUsage responses = usage("responses_reasoning");
  EXPECT_EQ(responses.input, 36U);
  EXPECT_EQ(responses.cached_input, 3U);
  EXPECT_EQ(responses.output, 11U);
  EXPECT_EQ(responses.reasoning, 8U);
  EXPECT_FALSE(usage("chat_two_choices").known);
}

// What clients rely on: gateways were broken by each of these.
TEST(ChatReplay, SaysTheRoleOnceAndTheUsageLast) {
  const auto body = BodyFromEvents(Api::kChat, ReadEvents(ReadDialectFile("chat_text.sse")));
  const auto blocks = EventsFromBody(Api::kChat, *body);
  ASSERT_THAT(blocks, IsOk());
  ASSERT_EQ(blocks->size(), 5U);
  EXPECT_EQ(blocks->back(), "data: [DONE]\n\n");
  const std::vector<SseEvent> events = ReadEvents(Joined(*blocks));
  EXPECT_EQ(RoleOf(Api::kChat, events[3]), EventRole::kUsageOnly);
  std::size_t roles = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const Json chunk = Json::parse(events[i].data);
    EXPECT_EQ(chunk["object"], "chat.completion.chunk");
    EXPECT_EQ(chunk["system_fingerprint"], "fp_51a2");
    EXPECT_EQ(chunk.contains("usage"), i == 3);
    roles += i < 3 && chunk["choices"][0]["delta"].contains("role") ? 1U : 0U;
  }
  EXPECT_EQ(roles, 1U);
}

TEST(ChatReplay, SaysIdsOfToolCallsOnceAndChoicesInOrder) {
  const auto body = BodyFromEvents(Api::kChat, ReadEvents(ReadDialectFile("chat_tool_calls.sse")));
  const auto blocks = EventsFromBody(Api::kChat, *body);
  ASSERT_THAT(blocks, IsOk());
  const std::string stream = Joined(*blocks);
  EXPECT_EQ(stream.find("call_a1"), stream.rfind("call_a1"));
  const auto two = EventsFromBody(
      Api::kChat, *BodyFromEvents(Api::kChat, ReadEvents(ReadDialectFile("chat_two_choices.sse"))));
  std::size_t last = 0;
  for (const SseEvent& event : ReadEvents(Joined(*two))) {
    if (event.data != "[DONE]") {
      const auto index = Json::parse(event.data)["choices"][0]["index"].get<std::size_t>();
      EXPECT_GE(index, last);
      last = index;
    }
  }
}

TEST(MessagesReplay, NamesEveryEventAndStartsWithTheUsageOfTheCache) {
  const auto body =
      BodyFromEvents(Api::kMessages, ReadEvents(ReadDialectFile("messages_thinking.sse")));
  const auto blocks = EventsFromBody(Api::kMessages, *body);
  ASSERT_THAT(blocks, IsOk());
  const std::vector<SseEvent> events = ReadEvents(Joined(*blocks));
  for (const SseEvent& event : events) {
    EXPECT_EQ(Json::parse(event.data)["type"], event.name);
  }
  const Json start = Json::parse(events.front().data)["message"];
  EXPECT_EQ(start["usage"]["cache_read_input_tokens"], 12);
  EXPECT_EQ(start["usage"]["output_tokens"], 0);
  EXPECT_EQ(start["content"], Json::array());
  EXPECT_TRUE(start["stop_reason"].is_null());
}

TEST(ResponsesReplay, HasTheDocumentedEventsWithRisingNumbers) {
  const auto body =
      BodyFromEvents(Api::kResponses, ReadEvents(ReadDialectFile("responses_text.sse")));
  const auto blocks = EventsFromBody(Api::kResponses, *body);
  ASSERT_THAT(blocks, IsOk());
  std::vector<std::string> names;
  for (const SseEvent& event : ReadEvents(Joined(*blocks))) {
    EXPECT_EQ(Json::parse(event.data)["sequence_number"], names.size());
    EXPECT_EQ(Json::parse(event.data)["type"], event.name);
    names.push_back(event.name);
  }
  EXPECT_THAT(names, testing::ElementsAre(
                         "response.created", "response.in_progress", "response.output_item.added",
                         "response.content_part.added", "response.output_text.delta",
                         "response.output_text.done", "response.content_part.done",
                         "response.output_item.done", "response.completed"));
}

}  // namespace
}  // namespace nearhit::server
