#include <string>
#include <string_view>

#include "server/dialect/answer.h"
#include "server/dialect/answer_json.h"

namespace nearhit::server {
namespace {

void Append(std::string_view text, std::string* out) {
  if (!text.empty()) {
    *out += (out->empty() ? "" : "\n") + std::string(text);
  }
}

// Members "text" of the items that are of this type.
void AppendParts(const AnswerJson* parts, std::string_view type, std::string* out) {
  if (parts == nullptr || !parts->is_array()) {
    return;
  }
  for (const AnswerJson& part : *parts) {
    if (FindText(part, "type") == type) {
      Append(FindText(part, "text"), out);
    }
  }
}

}  // namespace

std::string AnswerText(Api api, std::string_view body) {
  const Result<AnswerJson> json = ParseAnswerJson(body, kMaxBodyDepth);
  std::string text;
  if (!json.ok()) {
    return text;
  }
  if (api == Api::kMessages) {
    AppendParts(FindValue(*json, "content"), "text", &text);
    return text;
  }
  const AnswerJson* items = FindValue(*json, api == Api::kResponses ? "output" : "choices");
  if (items == nullptr || !items->is_array()) {
    return text;
  }
  for (const AnswerJson& item : *items) {
    if (api == Api::kResponses) {
      AppendParts(FindValue(item, "content"), "output_text", &text);
    } else if (api == Api::kCompletions) {
      Append(FindText(item, "text"), &text);
    } else if (const AnswerJson* message = FindValue(item, "message"); message != nullptr) {
      Append(FindText(*message, "content"), &text);
    }
  }
  return text;
}

}  // namespace nearhit::server
