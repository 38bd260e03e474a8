#include "server/dialect/json_edit.h"

#include <algorithm>
#include <cstddef>

#include <nlohmann/json.hpp>

namespace nearhit::server {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::size_t SkipBlanks(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(kBlanks, at), text.size());
}

// From an opening quote to behind the closing one.
std::size_t SkipString(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    at += text[at] == '\\' ? 1 : 0;
  }
  return std::min(at + 1, text.size());
}

// Whether a string, with its quotes, is this text.
bool IsText(std::string_view quoted, std::string_view text) {
  if (quoted.find('\\') == std::string_view::npos) {
    return quoted.size() == text.size() + 2 && quoted.substr(1, text.size()) == text;
  }
  const auto parsed = nlohmann::json::parse(quoted, nullptr, /*allow_exceptions=*/false);
  return parsed.is_string() && parsed.get_ref<const std::string&>() == text;
}

// From the first byte of a value to behind its last.
std::size_t SkipValue(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = SkipString(text, at);
      if (depth == 0) {
        return at;
      }
      continue;
    }
    if (depth == 0 &&
        (c == ',' || c == '}' || c == ']' || kBlanks.find(c) != std::string_view::npos)) {
      return at;
    }
    depth += c == '{' || c == '[' ? 1 : 0;
    ++at;
    if (c == '}' || c == ']') {
      if (--depth == 0) {
        return at;
      }
    }
  }
  return text.size();
}

// Where the value of the first member of this name begins; npos when there is none.
std::size_t FindValue(std::string_view object, std::string_view name) {
  std::size_t at = SkipBlanks(object, SkipBlanks(object, 0) + 1);
  while (at < object.size() && object[at] == '"') {
    const std::size_t name_end = SkipString(object, at);
    const bool is_it = object.substr(at + 1, name_end - at - 2) == name;
    at = SkipBlanks(object, SkipBlanks(object, name_end) + 1);
    if (is_it) {
      return at;
    }
    at = SkipBlanks(object, SkipValue(object, at));
    at = SkipBlanks(object, at + 1);  // behind the comma
  }
  return std::string_view::npos;
}

std::string ZerosIn(std::string_view value) {
  constexpr std::string_view kInNumber = "+-.0123456789eE";
  std::string out;
  std::size_t at = 0;
  while (at < value.size()) {
    std::size_t end = at + 1;
    if (value[at] == '-' || (value[at] >= '0' && value[at] <= '9')) {
      end = std::min(value.find_first_not_of(kInNumber, at), value.size());
      out += '0';
    } else {
      end = value[at] == '"' ? SkipString(value, at) : end;
      out += value.substr(at, end - at);
    }
    at = end;
  }
  return out;
}

}  // namespace

std::string WithoutMember(std::string_view object, std::string_view name) {
  std::string out;
  std::size_t kept = 0;  // everything before is in `out`, or left out
  std::size_t at = SkipBlanks(object, 0) + 1;
  std::size_t begin = at;  // of a member, with the comma before it
  bool first = true;
  while (at < object.size()) {
    at = SkipBlanks(object, at);
    if (at >= object.size() || object[at] != '"') {
      break;
    }
    const std::size_t name_end = SkipString(object, at);
    const bool is_it = IsText(object.substr(at, name_end - at), name);
    at = SkipBlanks(object, name_end) + 1;  // behind the colon
    at = SkipBlanks(object, SkipValue(object, SkipBlanks(object, at)));
    const bool last = at >= object.size() || object[at] != ',';
    if (is_it) {
      // With the comma behind it, or the one before when it is the last of several.
      out += object.substr(kept, begin - kept);
      kept = first && !last ? at + 1 : at;
    } else {
      first = false;
    }
    begin = is_it ? kept : at;
    ++at;
  }
  out += object.substr(kept);
  return out;
}

std::string WithMember(std::string_view object, std::string_view member) {
  const std::size_t open = std::min(SkipBlanks(object, 0) + 1, object.size());
  const std::size_t next = SkipBlanks(object, open);
  const bool empty = next < object.size() && object[next] == '}';
  std::string out(object.substr(0, open));
  out += member;
  out += empty ? "" : ",";
  out += object.substr(open);
  return out;
}

std::optional<std::string> WithItems(std::string_view object, std::string_view name,
                                     std::span<const std::size_t> items) {
  const std::size_t open = FindValue(object, name);
  if (open >= object.size() || object[open] != '[') {
    return std::nullopt;
  }
  std::string out(object.substr(0, open + 1));
  std::size_t found = 0;
  std::size_t at = SkipBlanks(object, open + 1);
  for (std::size_t index = 0; at < object.size() && object[at] != ']'; ++index) {
    const std::size_t end = SkipValue(object, at);
    if (found < items.size() && items[found] == index) {
      out += found == 0 ? "" : ",";
      out += object.substr(at, end - at);
      ++found;
    }
    at = SkipBlanks(object, end);
    at = at < object.size() && object[at] == ',' ? SkipBlanks(object, at + 1) : at;
  }
  if (found != items.size() || at >= object.size()) {
    return std::nullopt;
  }
  out += object.substr(at);
  return out;
}

std::string WithZeros(std::string_view object, std::span<const std::string_view> path) {
  const std::size_t open = SkipBlanks(object, 0);
  if (open == object.size() || object[open] != '{') {
    return std::string(object);
  }
  if (path.empty()) {
    return ZerosIn(object);
  }
  std::string out;
  std::size_t kept = 0;  // everything before is in `out`
  std::size_t at = SkipBlanks(object, open + 1);
  while (at < object.size() && object[at] == '"') {
    const std::size_t name_end = SkipString(object, at);
    const bool is_it = IsText(object.substr(at, name_end - at), path.front());
    const std::size_t begin = SkipBlanks(object, SkipBlanks(object, name_end) + 1);
    const std::size_t end = SkipValue(object, begin);
    if (is_it && begin < end) {
      out += object.substr(kept, begin - kept);
      out += WithZeros(object.substr(begin, end - begin), path.subspan(1));
      kept = end;
    }
    at = SkipBlanks(object, SkipBlanks(object, end) + 1);  // behind the comma
  }
  out += object.substr(kept);
  return out;
}

}  // namespace nearhit::server
