#include "server/gateway/judge_prompt.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace nearhit::server {
namespace {

using Json = nlohmann::ordered_json;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

std::string JudgeRequestBody(std::string_view model, const JudgeQuestion& question) {
  const std::string pair = Dump({{"request", question.asked},
                                 {"stored_answer", question.stored},
                                 {"reference_answer", question.fresh}});
  return Dump({{"model", model},
               {"messages",
                {{{"role", "system"}, {"content", kJudgeInstructions}},
                 {{"role", "user"}, {"content", pair}}}}});
}

std::optional<bool> ReadVerdict(std::string_view text) {
  // Models put JSON into fences, or a word before it.
  const std::size_t open = text.find('{');
  const std::size_t close = text.rfind('}');
  if (open != std::string_view::npos && close != std::string_view::npos && open < close) {
    const Json json = Json::parse(text.substr(open, close - open + 1), nullptr, false);
    if (json.is_object() && json.contains("serves")) {
      return json["serves"].is_boolean() ? std::optional(json["serves"].get<bool>()) : std::nullopt;
    }
  }
  const auto begin = std::find_if_not(text.begin(), text.end(), [](char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '"' || c == '*';
  });
  const auto end = std::find_if_not(begin, text.end(), IsLetter);
  std::string word(begin, end);
  std::transform(word.begin(), word.end(), word.begin(),
                 [](char c) { return static_cast<char>(c | 0x20); });
  return word == "yes" ? std::optional(true) : word == "no" ? std::optional(false) : std::nullopt;
}

}  // namespace nearhit::server
