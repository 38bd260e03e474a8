// Answers of Anthropic's /v1/messages, as bodies.

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "server/dialect/answer_dialects.h"

namespace nearhit::server {
namespace {

bool IsThinkingBlock(const AnswerJson& block) {
  const std::string_view type = FindText(block, "type");
  return type == "thinking" || type == "redacted_thinking";
}

void InspectStopReason(const AnswerJson& body, AnswerFacts* facts) {
  const std::string_view reason = FindText(body, "stop_reason");
  if (FindValue(body, "stop_details") != nullptr || reason == "refusal") {
    Refuse(kRefusal, facts);
  } else if (reason == "max_tokens" || reason == "model_context_window_exceeded") {
    Refuse(kLength, facts);
  } else if (reason == "tool_use") {
    Refuse(kToolCall, facts);
  } else if (reason == "compaction") {
    Refuse(kServerState, facts);
  } else if (reason.empty() || reason == "pause_turn") {
    Refuse(kIncomplete, facts);
  } else if (reason != "end_turn" && reason != "stop_sequence") {
    Refuse(kUnknownShape, facts);
  }
}

bool IsFromTheWeb(const AnswerJson& citation) {
  return FindText(citation, "type") == "web_search_result_location";
}

void InspectTextBlock(const AnswerJson& block, AnswerFacts* facts) {
  const AnswerJson* text = FindMember(block, "text");
  if (text == nullptr || !text->is_string()) {
    Refuse(kUnknownShape, facts);
    return;
  }
  const AnswerJson* citations = FindValue(block, "citations");
  if (citations == nullptr || citations->empty()) {
    return;
  }
  facts->text_only = false;
  if (!citations->is_array() || std::any_of(citations->begin(), citations->end(), IsFromTheWeb)) {
    Refuse(kFreshData, facts);
  }
}

// Blocks that are neither text nor thinking.
void InspectOtherBlock(std::string_view type, AnswerFacts* facts) {
  facts->text_only = false;
  if (type == "tool_use") {
    Refuse(kToolCall, facts);
  } else if (type == "server_tool_use" || type.ends_with("_tool_result") ||
             type.starts_with("mcp_")) {
    Refuse(kFreshData, facts);
  } else if (type == "container_upload" || type == "compaction") {
    Refuse(kServerState, facts);
  } else if (type != "fallback") {
    Refuse(kUnknownShape, facts);
  }
}

}  // namespace

void InspectMessages(const AnswerJson& body, AnswerFacts* facts) {
  const AnswerJson* content = FindMember(body, "content");
  if (FindText(body, "type") != "message" || content == nullptr || !content->is_array()) {
    Refuse(kUnknownShape, facts);
    return;
  }
  InspectStopReason(body, facts);
  if (FindValue(body, "container") != nullptr) {
    Refuse(kServerState, facts);
  }
  facts->text_only = true;
  bool has_text = false;
  for (const AnswerJson& block : *content) {
    const std::string_view type = FindText(block, "type");
    if (type == "text") {
      has_text = true;
      InspectTextBlock(block, facts);
    } else if (IsThinkingBlock(block)) {
      facts->has_reasoning = true;
    } else {
      InspectOtherBlock(type, facts);
    }
  }
  if (!has_text) {
    Refuse(kEmpty, facts);
  }
  facts->text_only &= facts->refusal_to_store.empty();
}

Result<bool> EraseMessagesReasoning(AnswerJson* body) {
  const AnswerJson* content = FindMember(*body, "content");
  if (content == nullptr || !content->is_array()) {
    return InvalidArgument("message has no content");
  }
  auto* blocks = (*body)["content"].get_ptr<AnswerJson::array_t*>();
  return std::erase_if(*blocks, IsThinkingBlock) > 0;
}

}  // namespace nearhit::server
