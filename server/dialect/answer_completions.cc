// Answers of /v1/completions.

#include <string>
#include <utility>

#include "server/dialect/answer_chunks.h"
#include "server/dialect/answer_dialects.h"

namespace nearhit::server {
namespace {

constexpr std::string_view kObject = "text_completion";  // of bodies and chunks alike

Status AddTextPiece(const AnswerJson& piece, AnswerJson* choice) {
  for (const auto& [key, value] : piece.items()) {
    NEARHIT_RETURN_IF_ERROR(key == "text" ? JoinText(choice, key, value)
                                          : AddChoiceMember(choice, key, value));
  }
  return Status();
}

void InspectTextChoice(const AnswerJson& choice, AnswerFacts* facts) {
  const AnswerJson* text = FindMember(choice, "text");
  if (text == nullptr || !text->is_string()) {
    Refuse(kUnknownShape, facts);
  }
  const std::string_view finish = FindText(choice, "finish_reason");
  if (finish.empty()) {
    Refuse(kIncomplete, facts);
  } else if (finish == kLength || finish == kContentFilter) {
    Refuse(finish == kLength ? kLength : kContentFilter, facts);
  } else if (finish != "stop") {
    Refuse(kUnknownShape, facts);
  }
  facts->has_reasoning |= HasReasoningMember(choice);
}

}  // namespace

void InspectCompletions(const AnswerJson& body, AnswerFacts* facts) {
  const AnswerJson* choices = FindMember(body, "choices");
  const AnswerJson* object = FindMember(body, "object");
  if (choices == nullptr || !choices->is_array() || choices->empty() ||
      (object != nullptr && *object != AnswerJson(std::string(kObject)))) {
    Refuse(kUnknownShape, facts);
    return;
  }
  for (const AnswerJson& choice : *choices) {
    InspectTextChoice(choice, facts);
  }
  facts->text_only = facts->refusal_to_store.empty();
}

Result<AnswerJson> CompletionsBody(std::span<const SseEvent> events) {
  return BodyFromChunks(events, kObject, AddTextPiece);
}

Result<std::vector<SseEvent>> CompletionsEvents(const AnswerJson& body) {
  const AnswerJson* choices = FindMember(body, "choices");
  if (choices == nullptr || !choices->is_array()) {
    return FailedPrecondition("completion has no choices");
  }
  ChunkWriter chunks(body, kObject);
  for (const AnswerJson& choice : *choices) {
    chunks.Add(choice);
  }
  return chunks.Finish();
}

}  // namespace nearhit::server
