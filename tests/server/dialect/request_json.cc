#include "tests/server/dialect/request_json.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "tests/server/dialect/request_json_fields.h"

namespace nearhit::server {
namespace {

std::string MessagesMember(Endpoint endpoint) {
  return endpoint == Endpoint::kCompletions ? "prompt"
         : endpoint == Endpoint::kResponses ? "input"
                                            : "messages";
}

void StripMarks(Json* object) {
  if (object->is_object()) {
    object->erase("cache_control");
    object->erase("prompt_cache_breakpoint");
  }
}

// A list of parts, and the parts of what those have as their content.
void StripParts(Json* parts) {
  if (!parts->is_array()) {
    return;
  }
  for (Json& part : *parts) {
    StripMarks(&part);
    if (part.is_object() && part.contains("content")) {
      StripParts(&part["content"]);
    }
  }
}

}  // namespace

Json Meaning(Endpoint endpoint, Json request) {
  for (const Field& field : FieldsOf(endpoint).ignored) {
    request.erase(std::string(field.name));
  }
  for (const std::string member : {"system", "tools", "messages", "input"}) {
    const bool has_parts = member == "system" || member == "tools";
    if (request.contains(member) && (has_parts || member == MessagesMember(endpoint))) {
      StripParts(&request[member]);
    }
  }
  return request;
}

Json RequestMaker::Request(Endpoint endpoint) {
  Json request = Json::object();
  request["model"] = "m";
  const Fields& fields = FieldsOf(endpoint);
  for (const std::vector<Field>* const some : {&fields.key, &fields.ignored}) {
    for (const Field& field : *some) {
      if (OneIn(6)) {
        request[std::string(field.name)] = Json::parse(field.values[Below(field.values.size())]);
      }
    }
  }
  request[MessagesMember(endpoint)] = Messages(endpoint);
  return request;
}

Json RequestMaker::WithOtherIgnorables(Endpoint endpoint, Json request) {
  for (const Field& field : FieldsOf(endpoint).ignored) {
    request.erase(std::string(field.name));
    if (OneIn(2)) {
      request[std::string(field.name)] = Json::parse(field.values[Below(field.values.size())]);
    }
  }
  return request;
}

Json RequestMaker::Messages(Endpoint endpoint) {
  if (endpoint == Endpoint::kCompletions) {
    return OneIn(4) ? Json::array({Text(), Text()}) : Json(Text());
  }
  if (OneIn(20) || (endpoint == Endpoint::kResponses && OneIn(2))) {
    return OneIn(8) ? Scalar() : Json(Text());
  }
  Json messages = Json::array();
  for (std::size_t left = OneIn(2) ? 1 : Below(4); left > 0; --left) {
    messages.push_back(OneIn(25) ? Scalar() : Message(endpoint));
  }
  return messages;
}

Json RequestMaker::Message(Endpoint endpoint) {
  constexpr std::array<std::string_view, 8> kRoles = {"user", "user",   "user", "user",
                                                      "user", "system", "tool", "assistant"};
  if (endpoint == Endpoint::kResponses && OneIn(6)) {
    return Json{{"type", "function_call_output"}, {"call_id", Text()}, {"output", Text()}};
  }
  Json message = {{"role", kRoles.at(Below(kRoles.size()))}};
  if (!OneIn(12)) {
    message["content"] = Content(endpoint, false);
  }
  if (OneIn(6)) {
    message["name"] = Text();
  }
  if (message["role"] == "tool") {
    message["tool_call_id"] = Text();
  }
  Mark(&message);
  return message;
}

Json RequestMaker::Content(Endpoint endpoint, bool nested) {
  if (OneIn(2)) {
    return OneIn(8) ? Scalar() : Json(Text());
  }
  if (OneIn(12)) {
    return Part(endpoint, nested);  // an object where providers want a list
  }
  Json parts = Json::array();
  for (std::size_t left = Below(4); left > 0; --left) {
    parts.push_back(OneIn(15) ? Scalar() : Part(endpoint, nested));
  }
  return parts;
}

Json RequestMaker::Part(Endpoint endpoint, bool nested) {
  const std::string text = endpoint == Endpoint::kResponses ? "input_text" : "text";
  Json part;
  switch (nested ? 0 : Below(8)) {
    case 0:
      part = {{"type", "image_url"}, {"image_url", {{"url", Text()}}}};
      break;
    case 1:
      part = {{"type", "tool_result"}, {"tool_use_id", Text()}};
      part["content"] = Content(endpoint, true);
      break;
    case 2:
      part = {{"type", "tool_use"}, {"id", Text()}, {"input", {{"cache_control", Text()}}}};
      break;
    case 3:
      part = {{"type", text}, {"text", Scalar()}};
      break;
    default:
      part = {{"type", text}, {"text", Text()}};
      break;
  }
  Mark(&part);
  return part;
}

void RequestMaker::Mark(Json* object) {
  if (OneIn(6)) {
    (*object)[OneIn(2) ? "cache_control" : "prompt_cache_breakpoint"] = Scalar();
  }
}

Json RequestMaker::Scalar() {
  switch (Below(7)) {
    case 0:
      return nullptr;
    case 1:
      return OneIn(2);
    case 2:
      return static_cast<int>(Below(4)) - 1;
    case 3:
      return static_cast<double>(Below(8)) / 2;
    case 4:
      return Json::object({{"a", Below(2)}});
    case 5:
      return Json::array({Below(2)});
    default:
      return Text();
  }
}

std::string RequestMaker::Text() {
  constexpr std::array<std::string_view, 10> kTexts = {"",
                                                       "hello",
                                                       "Hello",
                                                       "hello ",
                                                       "h\"\\\n\t/\x01",
                                                       "é→😀",
                                                       "https://a.b/c.png",
                                                       "5",
                                                       "null {}[]:,",
                                                       "data:image/png;base64,AA=="};
  std::string text(kTexts.at(Below(kTexts.size())));
  return OneIn(3) ? text + std::to_string(Below(50)) : text;
}

Json RequestMaker::Changed(Json request) {
  Json* at = &request;
  while (!at->empty() && at->is_structured() && (at == &request || !OneIn(3))) {
    auto next = at->begin();
    std::advance(next, static_cast<std::ptrdiff_t>(Below(at->size())));
    at = &*next;
  }
  ChangeHere(at);
  return request;
}

void RequestMaker::ChangeHere(Json* value) {
  if (value->is_object() && !OneIn(4)) {
    constexpr std::array<std::string_view, 6> kNames = {"role", "text", "content",
                                                        "type", "x",    "cache_control"};
    if (!value->empty() && OneIn(2)) {
      auto gone = value->begin();
      std::advance(gone, static_cast<std::ptrdiff_t>(Below(value->size())));
      value->erase(gone);
    } else {
      (*value)[std::string(kNames.at(Below(kNames.size())))] = Scalar();
    }
  } else if (value->is_array() && !value->empty() && !OneIn(4)) {
    const std::size_t one = Below(value->size());
    const std::size_t other = Below(value->size());
    if (OneIn(2)) {
      std::swap((*value)[one], (*value)[other]);
    } else {
      value->insert(value->begin() + static_cast<std::ptrdiff_t>(one), (*value)[other]);
    }
  } else {
    *value = Scalar();
  }
}

std::string RequestMaker::Written(const Json& value) {
  if (value.is_string()) {
    return WrittenText(value.get_ref<const std::string&>());
  }
  if (value.is_number()) {
    return WrittenNumber(value);
  }
  if (!value.is_structured()) {
    return value.dump();
  }
  std::vector<std::string> members;
  for (auto it = value.begin(); it != value.end(); ++it) {
    members.push_back((value.is_object() ? WrittenText(it.key()) + Blanks() + ":" + Blanks() : "") +
                      Written(*it));
  }
  if (value.is_object()) {
    std::shuffle(members.begin(), members.end(), random_);
  }
  std::string text = value.is_object() ? "{" : "[";
  for (std::size_t i = 0; i < members.size(); ++i) {
    text += (i > 0 ? "," : "") + Blanks() + members[i] + Blanks();
  }
  return text + (value.is_object() ? "}" : "]");
}

std::string RequestMaker::Blanks() {
  constexpr std::array<std::string_view, 4> kBlanks = {" ", "\n", "\t", "\r\n  "};
  return OneIn(4) ? std::string(kBlanks.at(Below(kBlanks.size()))) : "";
}

// ASCII in any of its three forms; what is beyond as it is, or as nlohmann escapes it.
std::string RequestMaker::WrittenText(const std::string& text) {
  const bool has_others = std::any_of(text.begin(), text.end(), [](char c) { return c < 0; });
  if (has_others) {
    return Json(text).dump(-1, ' ', OneIn(2));
  }
  std::string written = "\"";
  for (const char c : text) {
    if (OneIn(6)) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), OneIn(2) ? "\\u%04x" : "\\u%04X",
                    static_cast<unsigned>(c));
      written += escape.data();
    } else if (c == '/' && OneIn(2)) {
      written += "\\/";
    } else {
      const std::string plain = Json(std::string(1, c)).dump();
      written += plain.substr(1, plain.size() - 2);
    }
  }
  return written + "\"";
}

std::string RequestMaker::WrittenNumber(const Json& value) {
  std::string plain = value.dump();
  if (!OneIn(2)) {
    return plain;
  }
  if (plain.find_first_of(".eE") == std::string::npos) {
    constexpr std::array<std::string_view, 4> kEnds = {".0", "e0", ".000", "E+00"};
    return plain + std::string(kEnds.at(Below(kEnds.size())));
  }
  return plain + (plain.find_first_of("eE") == std::string::npos ? "e-0" : "");
}

}  // namespace nearhit::server
