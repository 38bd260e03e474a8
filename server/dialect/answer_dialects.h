// The dialects behind answer.h, on parsed JSON. EventsFromBody checks what the ...Events give.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "nearhit/result.h"
#include "server/dialect/answer.h"
#include "server/dialect/answer_json.h"

namespace nearhit::server {

// Names of a reason, so that they are written once.
inline constexpr std::string_view kContentFilter = "content_filter";
inline constexpr std::string_view kEmpty = "empty";
inline constexpr std::string_view kError = "error";
inline constexpr std::string_view kFreshData = "fresh_data";
inline constexpr std::string_view kIncomplete = "incomplete";
inline constexpr std::string_view kLength = "length";
inline constexpr std::string_view kRefusal = "refusal";
inline constexpr std::string_view kServerState = "server_state";
inline constexpr std::string_view kToolCall = "tool_call";
inline constexpr std::string_view kUnknownShape = "unknown_shape";

// The first reason stays.
void Refuse(std::string_view reason, AnswerFacts* facts);

// The rest of the facts: model and usage are read before. `body` is an object without an error.
void InspectChat(const AnswerJson& body, AnswerFacts* facts);
void InspectCompletions(const AnswerJson& body, AnswerFacts* facts);
void InspectMessages(const AnswerJson& body, AnswerFacts* facts);
void InspectResponses(const AnswerJson& body, AnswerFacts* facts);

// Errors: as BodyFromEvents.
Result<AnswerJson> ChatBody(std::span<const SseEvent> events);
Result<AnswerJson> CompletionsBody(std::span<const SseEvent> events);
Result<AnswerJson> MessagesBody(std::span<const SseEvent> events);
Result<AnswerJson> ResponsesBody(std::span<const SseEvent> events);

// Errors: kFailedPrecondition when `body` has not the shape. What is lost is found by the caller.
Result<std::vector<SseEvent>> ChatEvents(const AnswerJson& body);
Result<std::vector<SseEvent>> CompletionsEvents(const AnswerJson& body);
Result<std::vector<SseEvent>> MessagesEvents(const AnswerJson& body);
Result<std::vector<SseEvent>> ResponsesEvents(const AnswerJson& body);

// Takes reasoning out; says whether there was any.
//
// Errors: kInvalidArgument when `body` has not the shape; kFailedPrecondition when nothing is left.
Result<bool> EraseChoiceReasoning(AnswerJson* body);
Result<bool> EraseMessagesReasoning(AnswerJson* body);
Result<bool> EraseResponsesReasoning(AnswerJson* body);

// Members with reasoning anywhere in a choice of chat or completions, by the names of OpenAI's
// imitators.
bool HasReasoningMember(const AnswerJson& value);

}  // namespace nearhit::server
