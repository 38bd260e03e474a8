#include "formats/json_values.h"

namespace nearhit {
namespace {

constexpr std::string_view kBetween = " \t\r\n,";

}  // namespace

Result<bool> JsonValues::FindValue() {
  while (true) {
    NEARHIT_ASSIGN_OR_RETURN(const std::string_view text, lines_->Peek());
    if (text.empty()) {
      if (in_array_) {
        return DataLoss("the file ends within the array that begins at line " +
                        std::to_string(array_line_));
      }
      return false;
    }
    const std::size_t at = std::min(text.find_first_not_of(kBetween), text.size());
    if (at > 0) {
      lines_->Take(at);
      continue;
    }
    if (text.front() == '[' && !in_array_) {
      in_array_ = true;
      array_line_ = lines_->line_number() + 1;
    } else if (text.front() == ']' && in_array_) {
      in_array_ = false;
    } else {
      return true;
    }
    lines_->Take(1);
  }
}

bool JsonValues::TakePart(std::string_view text, std::string* value) {
  std::size_t at = 0;
  bool ended = false;
  for (; at < text.size() && !ended; ++at) {
    const char c = text[at];
    if (in_string_) {
      in_string_ = escaped_ || c != '"';
      escaped_ = !escaped_ && c == '\\';
      ended = !in_string_ && depth_ == 0;
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (depth_ > 0 && (c == '}' || c == ']')) {
      ended = --depth_ == 0;
    } else if (depth_ == 0 && value_bytes_ + at > 0 &&
               (c == ']' || kBetween.find(c) != std::string_view::npos)) {
      break;  // behind a number or a word
    }
  }
  ended = ended || at < text.size();
  value_bytes_ += at;
  if (value_bytes_ <= max_value_bytes_) {
    value->append(text, 0, at);
  }
  lines_->Take(at);
  return ended;
}

Result<bool> JsonValues::Next(std::string* value) {
  value->clear();
  Result<bool> found = FindValue();
  if (!found.ok() || !*found) {
    return found;
  }
  line_ = lines_->line_number() + 1;
  ++number_;
  depth_ = 0;
  in_string_ = false;
  escaped_ = false;
  value_bytes_ = 0;
  for (bool ended = false; !ended;) {
    NEARHIT_ASSIGN_OR_RETURN(const std::string_view text, lines_->Peek());
    if (text.empty()) {
      if (depth_ == 0 && !in_string_) {
        break;
      }
      value->clear();
      return DataLoss("the file ends within the value that begins at line " +
                      std::to_string(line_));
    }
    ended = TakePart(text, value);
  }
  if (value_bytes_ > max_value_bytes_) {
    value->clear();
    return InvalidArgument("a JSON value of " + std::to_string(value_bytes_) +
                           " bytes is longer than " + std::to_string(max_value_bytes_));
  }
  return true;
}

}  // namespace nearhit
