#include "server/dialect/answer.h"

#include <algorithm>
#include <utility>

#include "server/dialect/answer_chunks.h"
#include "server/dialect/answer_dialects.h"
#include "server/dialect/answer_json.h"

namespace nearhit::server {
namespace {

std::uint64_t FindDetail(const AnswerJson& usage, std::string_view details, std::string_view key) {
  const AnswerJson* found = FindMember(usage, details);
  return found == nullptr ? 0 : FindCount(*found, key);
}

TokenUsage ReadUsage(Api api, const AnswerJson& usage) {
  TokenUsage tokens{.known = true};
  if (api == Api::kMessages) {
    tokens.cached_input = FindCount(usage, "cache_read_input_tokens");
    tokens.cache_write = FindCount(usage, "cache_creation_input_tokens");
    // Here they are counted apart.
    tokens.input = FindCount(usage, "input_tokens") + tokens.cached_input + tokens.cache_write;
    tokens.output = FindCount(usage, "output_tokens");
    tokens.reasoning = FindDetail(usage, "output_tokens_details", "thinking_tokens");
    return tokens;
  }
  const bool responses = api == Api::kResponses;
  const std::string_view input = responses ? "input_tokens_details" : "prompt_tokens_details";
  tokens.input = FindCount(usage, responses ? "input_tokens" : "prompt_tokens");
  tokens.cached_input = FindDetail(usage, input, "cached_tokens");
  tokens.cache_write = FindDetail(usage, input, "cache_write_tokens");
  tokens.output = FindCount(usage, responses ? "output_tokens" : "completion_tokens");
  tokens.reasoning = FindDetail(
      usage, responses ? "output_tokens_details" : "completion_tokens_details", "reasoning_tokens");
  return tokens;
}

AnswerFacts Inspect(Api api, const AnswerJson& body) {
  AnswerFacts facts;
  facts.model = FindText(body, "model");
  if (const AnswerJson* usage = FindMember(body, "usage"); usage != nullptr && usage->is_object()) {
    facts.usage = ReadUsage(api, *usage);
  }
  if (HasTruth(body, "error") || FindText(body, "type") == "error") {
    Refuse(kError, &facts);
    return facts;
  }
  switch (api) {
    case Api::kChat:
      InspectChat(body, &facts);
      break;
    case Api::kCompletions:
      InspectCompletions(body, &facts);
      break;
    case Api::kMessages:
      InspectMessages(body, &facts);
      break;
    case Api::kResponses:
      InspectResponses(body, &facts);
      break;
  }
  return facts;
}

Result<AnswerJson> JoinedBody(Api api, std::span<const SseEvent> events) {
  switch (api) {
    case Api::kChat:
      return ChatBody(events);
    case Api::kCompletions:
      return CompletionsBody(events);
    case Api::kMessages:
      return MessagesBody(events);
    case Api::kResponses:
      return ResponsesBody(events);
  }
  return InvalidArgument("unknown dialect");
}

Result<std::vector<SseEvent>> WrittenEvents(Api api, const AnswerJson& body) {
  switch (api) {
    case Api::kChat:
      return ChatEvents(body);
    case Api::kCompletions:
      return CompletionsEvents(body);
    case Api::kMessages:
      return MessagesEvents(body);
    case Api::kResponses:
      return ResponsesEvents(body);
  }
  return InvalidArgument("unknown dialect");
}

Result<bool> EraseReasoning(Api api, AnswerJson* body) {
  switch (api) {
    case Api::kChat:
    case Api::kCompletions:
      return EraseChoiceReasoning(body);
    case Api::kMessages:
      return EraseMessagesReasoning(body);
    case Api::kResponses:
      return EraseResponsesReasoning(body);
  }
  return InvalidArgument("unknown dialect");
}

bool Contains(std::string_view text, std::string_view word) {
  return text.find(word) != std::string_view::npos;
}

// Whether some member "choices" is written as an empty array.
bool HasEmptyChoices(std::string_view data) {
  constexpr std::string_view kKey = "\"choices\"";
  constexpr std::string_view kSpace = " \t\r\n";
  while (true) {
    const std::size_t found = data.find(kKey);
    if (found == std::string_view::npos) {
      return false;
    }
    data.remove_prefix(found + kKey.size());
    std::string_view rest = data;
    for (const char expected : {':', '[', ']'}) {
      rest.remove_prefix(std::min(rest.find_first_not_of(kSpace), rest.size()));
      if (!rest.starts_with(expected)) {
        break;
      }
      rest.remove_prefix(1);
      if (expected == ']') {
        return true;
      }
    }
  }
}

// Inside a string of JSON the quotation marks of these words would be escaped.
EventRole RoleOfChunk(const SseEvent& event) {
  if (event.data.starts_with(kStreamEnd)) {
    return EventRole::kTerminal;
  }
  // Most chunks of a stream with usage have a null one.
  if (!Contains(event.data, "\"error\"") && !HasEmptyChoices(event.data)) {
    return EventRole::kOther;
  }
  const auto chunk = ParseAnswerJson(event.data, kMaxEventDepth);
  if (!chunk.ok()) {
    return EventRole::kOther;
  }
  if (HasTruth(*chunk, "error")) {
    return EventRole::kError;
  }
  const AnswerJson* choices = FindMember(*chunk, "choices");
  return choices != nullptr && choices->is_array() && choices->empty() &&
                 FindValue(*chunk, "usage") != nullptr
             ? EventRole::kUsageOnly
             : EventRole::kOther;
}

EventRole RoleOfType(Api api, std::string_view type) {
  if (type == "error" || (api == Api::kResponses && type == "response.failed")) {
    return EventRole::kError;
  }
  const bool terminal = api == Api::kMessages
                            ? type == "message_stop"
                            : type == "response.completed" || type == "response.incomplete";
  return terminal ? EventRole::kTerminal : EventRole::kOther;
}

// An event that says its type only in its data.
EventRole RoleOfNameless(Api api, const SseEvent& event) {
  for (const std::string_view word : {"\"error\"", "\"message_stop\"", "\"response.completed\"",
                                      "\"response.failed\"", "\"response.incomplete\""}) {
    if (Contains(event.data, word)) {
      const auto data = ParseAnswerJson(event.data, kMaxEventDepth);
      return data.ok() ? RoleOfType(api, FindText(*data, "type")) : EventRole::kOther;
    }
  }
  return EventRole::kOther;
}

}  // namespace

void Refuse(std::string_view reason, AnswerFacts* facts) {
  if (facts->refusal_to_store.empty()) {
    facts->refusal_to_store = reason;
  }
}

AnswerFacts InspectBody(Api api, std::string_view body) {
  const auto parsed = ParseAnswerJson(body, kMaxBodyDepth);
  if (!parsed.ok()) {
    return AnswerFacts{.refusal_to_store = kUnknownShape, .model = {}, .usage = {}};
  }
  return Inspect(api, *parsed);
}

AnswerFacts InspectEvents(Api api, std::span<const SseEvent> events) {
  const auto has_role = [api, events](EventRole role) {
    return std::any_of(events.begin(), events.end(),
                       [api, role](const SseEvent& event) { return RoleOf(api, event) == role; });
  };
  if (has_role(EventRole::kError)) {
    return AnswerFacts{.refusal_to_store = kError, .model = {}, .usage = {}};
  }
  if (!has_role(EventRole::kTerminal)) {
    return AnswerFacts{.refusal_to_store = kIncomplete, .model = {}, .usage = {}};
  }
  const auto body = JoinedBody(api, events);
  if (!body.ok() || JsonDepth(*body) > kMaxBodyDepth) {
    return AnswerFacts{.refusal_to_store = kUnknownShape, .model = {}, .usage = {}};
  }
  return Inspect(api, *body);
}

Result<std::string> BodyFromEvents(Api api, std::span<const SseEvent> events) {
  NEARHIT_ASSIGN_OR_RETURN(const AnswerJson body, JoinedBody(api, events));
  if (JsonDepth(body) > kMaxBodyDepth) {
    return FailedPrecondition("answer is nested deeper than " + std::to_string(kMaxBodyDepth) +
                              " levels");
  }
  return DumpJson(body);
}

Result<std::vector<std::string>> EventsFromBody(Api api, std::string_view body) {
  NEARHIT_ASSIGN_OR_RETURN(const AnswerJson parsed, ParseAnswerJson(body, kMaxBodyDepth));
  NEARHIT_ASSIGN_OR_RETURN(const std::vector<SseEvent> events, WrittenEvents(api, parsed));
  const auto joined = JoinedBody(api, events);
  if (!joined.ok() || !SameJson(*joined, parsed)) {
    return FailedPrecondition("answer has what its stream could not say");
  }
  std::vector<std::string> blocks;
  blocks.reserve(events.size());
  for (const SseEvent& event : events) {
    blocks.push_back(FormatSse(event.name, event.data));
  }
  return blocks;
}

EventRole RoleOf(Api api, const SseEvent& event) {
  if (event.name == "error") {
    return EventRole::kError;
  }
  if (api == Api::kChat || api == Api::kCompletions) {
    return RoleOfChunk(event);
  }
  return event.name.empty() ? RoleOfNameless(api, event) : RoleOfType(api, event.name);
}

Result<std::string> WithoutReasoning(Api api, std::string_view body) {
  NEARHIT_ASSIGN_OR_RETURN(AnswerJson parsed, ParseAnswerJson(body, kMaxBodyDepth));
  NEARHIT_ASSIGN_OR_RETURN(const bool erased, EraseReasoning(api, &parsed));
  if (!erased) {
    return std::string(body);
  }
  if (Inspect(api, parsed).refusal_to_store == kEmpty) {
    return FailedPrecondition("answer has nothing but reasoning");
  }
  return DumpJson(parsed);
}

}  // namespace nearhit::server
