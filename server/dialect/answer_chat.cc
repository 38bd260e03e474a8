// Answers of /v1/chat/completions.

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "server/dialect/answer_chunks.h"
#include "server/dialect/answer_dialects.h"

namespace nearhit::server {
namespace {

constexpr std::string_view kBodyObject = "chat.completion";
constexpr std::string_view kChunkObject = "chat.completion.chunk";
// Members of a message that come as pieces of text, in the order in which a replay says them.
constexpr std::array<std::string_view, 4> kTexts = {"reasoning_content", "reasoning", "content",
                                                    "refusal"};
// Its members may be tokens of the answer.
constexpr std::string_view kLogprobs = "logprobs";
constexpr std::array<std::string_view, 12> kReasoning = {
    "encrypted_content", "reasoning",           "reasoning_content",
    "reasoning_details", "reasoning_encrypted", "reasoning_opaque",
    "reasoning_text",    "signature",           "thinking",
    "thinking_blocks",   "thought_signature",   "thought_signatures"};

template <std::size_t Size>
bool IsOneOf(std::string_view word, const std::array<std::string_view, Size>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool IsThought(const AnswerJson& part) {
  const std::string_view type = FindText(part, "type");
  return type == "thinking" || type == "redacted_thinking" || type == "reasoning";
}

Status Unjoinable(std::string_view what) {
  return FailedPrecondition("chat answer has " + std::string(what));
}

// A function that is called, or the input of a custom tool.
Status AddCallable(AnswerJson* call, const std::string& key, const AnswerJson& value) {
  AnswerJson& joined = (*call)[key];
  if (value.is_null()) {
    return Status();
  }
  if (!value.is_object() || !(joined.is_null() || joined.is_object())) {
    return Unjoinable("a call that is no object");
  }
  if (joined.is_null()) {
    joined = AnswerJson::object();
  }
  for (const auto& [name, item] : value.items()) {
    NEARHIT_RETURN_IF_ERROR(name == "arguments" || name == "input"
                                ? JoinText(&joined, name, item)
                                : KeepMember(&joined, name, item));
  }
  return Status();
}

Status AddToolCall(const AnswerJson& piece, AnswerJson* calls) {
  const AnswerJson* index = FindMember(piece, "index");
  if (index == nullptr || !index->is_number_unsigned() ||
      index->get<std::uint64_t>() > calls->size()) {
    return Unjoinable("a tool call out of order");
  }
  const auto position = index->get<std::size_t>();
  if (position == calls->size()) {
    calls->push_back(AnswerJson::object());
  }
  AnswerJson& call = (*calls)[position];
  for (const auto& [key, value] : piece.items()) {
    if (key == "function" || key == "custom") {
      NEARHIT_RETURN_IF_ERROR(AddCallable(&call, key, value));
    } else if (key != "index") {
      NEARHIT_RETURN_IF_ERROR(KeepMember(&call, key, value));
    }
  }
  return Status();
}

Status AddToolCalls(AnswerJson* message, const AnswerJson& pieces) {
  AnswerJson& calls = (*message)["tool_calls"];
  if (pieces.is_null()) {
    return Status();
  }
  if (!pieces.is_array()) {
    return Unjoinable("tool calls that are no array");
  }
  if (calls.is_null()) {
    calls = AnswerJson::array();
  }
  for (const AnswerJson& piece : pieces) {
    NEARHIT_RETURN_IF_ERROR(AddToolCall(piece, &calls));
  }
  return Status();
}

Status AddDelta(AnswerJson* message, const AnswerJson& delta) {
  if (!delta.is_object()) {
    return Unjoinable("a delta that is no object");
  }
  for (const auto& [key, value] : delta.items()) {
    if (IsOneOf(key, kTexts)) {
      NEARHIT_RETURN_IF_ERROR(JoinText(message, key, value));
    } else if (key == "tool_calls") {
      NEARHIT_RETURN_IF_ERROR(AddToolCalls(message, value));
    } else if (key == "function_call") {
      NEARHIT_RETURN_IF_ERROR(AddCallable(message, key, value));
    } else if (key == "role" || FindMember(*message, key) == nullptr || SaysNothing(value)) {
      NEARHIT_RETURN_IF_ERROR(KeepMember(message, key, value));
    } else if (SaysNothing((*message)[key])) {
      (*message)[key] = value;
    } else {
      return Unjoinable("a member in pieces that is not known");
    }
  }
  return Status();
}

Status AddPieceOfChoice(const AnswerJson& piece, AnswerJson* choice) {
  if (FindMember(*choice, "message") == nullptr) {
    (*choice)["message"] = AnswerJson::object();
  }
  for (const auto& [key, value] : piece.items()) {
    if (key == "delta") {
      NEARHIT_RETURN_IF_ERROR(AddDelta(&(*choice)["message"], value));
    } else if (key == "message") {
      return Unjoinable("a message in a chunk");
    } else {
      NEARHIT_RETURN_IF_ERROR(AddChoiceMember(choice, key, value));
    }
  }
  return Status();
}

// Writes the chunks of one choice.
class ChoiceWriter {
 public:
  ChoiceWriter(const AnswerJson& choice, std::size_t index, ChunkWriter* chunks)
      : choice_(choice), message_(*FindMember(choice, "message")), index_(index), chunks_(chunks) {}

  Status Write() {
    Add(FirstDelta(), false);
    // Log probabilities go with the text that they are of.
    bool has_text = false;
    for (const std::string_view key : kTexts) {
      const AnswerJson* text = FindValue(message_, key);
      if (text == nullptr || SaysNothing(*text)) {
        continue;
      }
      if (!text->is_string()) {
        return Unjoinable("text that is no string");
      }
      const bool with_logprobs = !has_text && (key == "content" || key == "refusal");
      AnswerJson delta = AnswerJson::object();
      delta[std::string(key)] = *text;
      Add(std::move(delta), with_logprobs);
      has_text |= with_logprobs;
    }
    if (const AnswerJson* calls = FindMember(message_, "tool_calls"); calls != nullptr) {
      NEARHIT_RETURN_IF_ERROR(AddCalls(*calls));
    }
    AddLast(!has_text);
    return Status();
  }

 private:
  // What is not said in pieces.
  AnswerJson FirstDelta() const {
    AnswerJson delta = AnswerJson::object();
    for (const auto& [key, value] : message_.items()) {
      if (IsOneOf(key, kTexts)) {
        delta[key] = value.is_string() ? AnswerJson("") : AnswerJson();
      } else if (key != "tool_calls" || SaysNothing(value)) {
        delta[key] = value;
      }
    }
    return delta;
  }

  Status AddCalls(const AnswerJson& calls) {
    std::size_t index = 0;
    for (const AnswerJson& call : calls) {
      if (!call.is_object()) {
        return Unjoinable("a tool call that is no object");
      }
      AnswerJson piece = AnswerJson::object();
      piece["index"] = index++;
      for (const auto& [key, value] : call.items()) {
        piece[key] = value;
      }
      AnswerJson delta = AnswerJson::object();
      delta["tool_calls"].push_back(std::move(piece));
      Add(std::move(delta), false);
    }
    return Status();
  }

  AnswerJson Piece(AnswerJson delta, bool with_logprobs) const {
    AnswerJson piece = AnswerJson::object();
    piece["index"] = index_;
    piece["delta"] = std::move(delta);
    if (const AnswerJson* logprobs = FindMember(choice_, "logprobs")) {
      piece["logprobs"] = with_logprobs ? *logprobs : AnswerJson();
    }
    if (FindMember(choice_, "finish_reason") != nullptr) {
      piece["finish_reason"] = nullptr;
    }
    return piece;
  }

  void Add(AnswerJson delta, bool with_logprobs) {
    chunks_->Add(Piece(std::move(delta), with_logprobs));
  }

  void AddLast(bool with_logprobs) {
    AnswerJson piece = Piece(AnswerJson::object(), with_logprobs);
    for (const auto& [key, value] : choice_.items()) {
      if (key != "index" && key != "message" && key != "logprobs") {
        piece[key] = value;
      }
    }
    chunks_->Add(std::move(piece));
  }

  const AnswerJson& choice_;
  const AnswerJson& message_;
  const std::size_t index_;
  ChunkWriter* const chunks_;
};

void InspectFinish(std::string_view finish, AnswerFacts* facts) {
  if (finish.empty()) {
    Refuse(kIncomplete, facts);
  } else if (finish == kLength || finish == kContentFilter) {
    Refuse(finish == kLength ? kLength : kContentFilter, facts);
  } else if (finish == "tool_calls" || finish == "function_call") {
    Refuse(kToolCall, facts);
  } else if (finish != "stop") {
    Refuse(kUnknownShape, facts);
  }
}

void InspectMessage(const AnswerJson& message, AnswerFacts* facts) {
  if (HasTruth(message, "refusal")) {
    Refuse(kRefusal, facts);
  }
  if (HasTruth(message, "tool_calls") || HasTruth(message, "function_call")) {
    Refuse(kToolCall, facts);
  }
  if (HasTruth(message, "annotations")) {
    Refuse(kFreshData, facts);
  }
  const AnswerJson* content = FindValue(message, "content");
  const bool other = HasTruth(message, "audio") || HasTruth(message, "images");
  if (content == nullptr ? !other : content->is_array() && content->empty()) {
    Refuse(kEmpty, facts);
  }
  if (content != nullptr && !content->is_string() && !content->is_array()) {
    Refuse(kUnknownShape, facts);
  }
  facts->text_only &= content != nullptr && content->is_string() && !other;
}

}  // namespace

bool HasReasoningMember(const AnswerJson& value) {
  if (value.is_array()) {
    return std::any_of(value.begin(), value.end(), [](const AnswerJson& item) {
      return IsThought(item) || HasReasoningMember(item);
    });
  }
  if (!value.is_object()) {
    return false;
  }
  for (const auto& [key, member] : value.items()) {
    if (key != kLogprobs &&
        ((IsOneOf(key, kReasoning) && !SaysNothing(member)) || HasReasoningMember(member))) {
      return true;
    }
  }
  return false;
}

namespace {

bool EraseReasoning(AnswerJson* value) {
  bool erased = false;
  if (auto* items = value->get_ptr<AnswerJson::array_t*>()) {
    erased = std::erase_if(*items, IsThought) > 0;
    for (AnswerJson& item : *items) {
      erased |= EraseReasoning(&item);
    }
  } else if (auto* members = value->get_ptr<AnswerJson::object_t*>()) {
    AnswerJson::object_t kept;
    for (auto& [key, member] : *members) {
      if (IsOneOf(key, kReasoning)) {
        erased = true;
        continue;
      }
      erased |= key != kLogprobs && EraseReasoning(&member);
      kept.emplace(key, std::move(member));
    }
    *members = std::move(kept);
  }
  return erased;
}

}  // namespace

void InspectChat(const AnswerJson& body, AnswerFacts* facts) {
  const AnswerJson* choices = FindMember(body, "choices");
  const AnswerJson* object = FindMember(body, "object");
  if (choices == nullptr || !choices->is_array() || choices->empty() ||
      (object != nullptr && *object != AnswerJson(std::string(kBodyObject)))) {
    Refuse(kUnknownShape, facts);
    return;
  }
  facts->text_only = true;
  for (const AnswerJson& choice : *choices) {
    const AnswerJson* message = FindMember(choice, "message");
    if (message == nullptr || !message->is_object()) {
      Refuse(kUnknownShape, facts);
      facts->text_only = false;
      return;
    }
    InspectFinish(FindText(choice, "finish_reason"), facts);
    InspectMessage(*message, facts);
    facts->has_reasoning |= HasReasoningMember(choice);
  }
  if (HasTruth(body, "citations") || HasTruth(body, "search_results")) {
    Refuse(kFreshData, facts);
  }
  facts->text_only &= facts->refusal_to_store.empty();
}

Result<AnswerJson> ChatBody(std::span<const SseEvent> events) {
  NEARHIT_ASSIGN_OR_RETURN(AnswerJson body, BodyFromChunks(events, kChunkObject, AddPieceOfChoice));
  body["object"] = std::string(kBodyObject);
  return body;
}

Result<std::vector<SseEvent>> ChatEvents(const AnswerJson& body) {
  const AnswerJson* choices = FindMember(body, "choices");
  if (choices == nullptr || !choices->is_array()) {
    return Unjoinable("no choices");
  }
  ChunkWriter chunks(body, kChunkObject);
  std::size_t index = 0;
  for (const AnswerJson& choice : *choices) {
    const AnswerJson* message = FindMember(choice, "message");
    if (message == nullptr || !message->is_object()) {
      return Unjoinable("a choice without a message");
    }
    NEARHIT_RETURN_IF_ERROR(ChoiceWriter(choice, index++, &chunks).Write());
  }
  return chunks.Finish();
}

Result<bool> EraseChoiceReasoning(AnswerJson* body) {
  if (FindMember(*body, "choices") == nullptr || !(*body)["choices"].is_array()) {
    return InvalidArgument("answer has no choices");
  }
  bool erased = false;
  for (AnswerJson& choice : (*body)["choices"]) {
    erased |= EraseReasoning(&choice);
  }
  return erased;
}

}  // namespace nearhit::server
