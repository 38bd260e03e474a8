#include "server/dialect/sse.h"

#include <algorithm>

namespace nearhit::server {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool EndsLine(char byte) {
  return byte == '\n' || byte == '\r';
}

struct Field {
  std::string_view name;
  std::string_view value;
};

Field FieldOf(std::string_view line) {
  const std::size_t colon = std::min(line.find(':'), line.size());
  Field field{.name = line.substr(0, colon), .value = line.substr(colon)};
  field.value.remove_prefix(field.value.starts_with(": ") ? 2 : field.value.starts_with(':'));
  return field;
}

}  // namespace

Status SseParser::Feed(std::string_view bytes, const OnEvent& on_event) {
  while (!bytes.empty() && !failed_) {
    bytes.remove_prefix(Take(bytes, on_event));
  }
  if (failed_) {
    return ResourceExhausted("a server-sent event has more than " + std::to_string(kMaxEventBytes) +
                             " bytes");
  }
  return Status();
}

std::size_t SseParser::Take(std::string_view bytes, const OnEvent& on_event) {
  if (after_cr_ || skip_lf_) {
    const std::size_t taken = bytes.front() == '\n' ? 1 : 0;
    raw_.append(taken, '\n');
    if (skip_lf_) {
      lead_ = taken;
      line_begin_ = taken;
      skip_lf_ = false;
    } else {
      bare_cr_ = taken == 0;
      after_cr_ = false;
      EndLine(on_event);
    }
    return taken;
  }
  const auto end = std::find_if(bytes.begin(), bytes.end(), EndsLine);
  const auto length = static_cast<std::size_t>(end - bytes.begin());
  const std::size_t taken = length + (end == bytes.end() ? 0 : 1);
  // The LF of a last CRLF is not counted, so that no cutting of the bytes matters.
  failed_ = taken > kMaxEventBytes - std::min(raw_.size(), kMaxEventBytes);
  if (failed_) {
    return 0;
  }
  raw_.append(bytes.substr(0, taken));
  if (end == bytes.end()) {
    return taken;
  }
  line_end_ = raw_.size() - 1;
  if (*end == '\n') {
    bare_cr_ = false;
    EndLine(on_event);
  } else if (bare_cr_ && Line().empty()) {
    EndLine(on_event);
    skip_lf_ = true;
  } else {
    after_cr_ = true;
  }
  return taken;
}

std::string_view SseParser::Line() const {
  return std::string_view(raw_).substr(line_begin_, line_end_ - line_begin_);
}

void SseParser::EndLine(const OnEvent& on_event) {
  if (first_line_ && Line().starts_with(kByteOrderMark)) {
    raw_.erase(0, kByteOrderMark.size());
    line_end_ -= kByteOrderMark.size();
  }
  const std::string_view line = Line();
  line_begin_ = raw_.size();
  first_line_ = false;
  if (line.empty()) {
    Deliver(on_event);
    return;
  }
  const Field field = FieldOf(line);
  if (field.name == "event") {
    event_.name = field.value;
  } else if (field.name == "data") {
    event_.data.append(has_data_ ? 1 : 0, '\n');
    event_.data.append(field.value);
    has_data_ = true;
  }
}

void SseParser::Deliver(const OnEvent& on_event) {
  if (!has_data_) {
    event_.name.clear();
  }
  on_event(event_, raw_);
  event_.name.clear();
  event_.data.clear();
  has_data_ = false;
  raw_.clear();
  lead_ = 0;
  line_begin_ = 0;
}

std::vector<std::string_view> DataLines(std::string_view block) {
  std::vector<std::string_view> data;
  while (!block.empty()) {
    const auto end = std::find_if(block.begin(), block.end(), EndsLine);
    const auto length = static_cast<std::size_t>(end - block.begin());
    if (const Field field = FieldOf(block.substr(0, length)); field.name == "data") {
      data.push_back(field.value);
    }
    block.remove_prefix(std::min(length + 1, block.size()));
  }
  return data;
}

std::string FormatSse(std::string_view name, std::string_view data) {
  std::string block;
  block.reserve(name.size() + data.size() + sizeof("event: \ndata: \n\n"));
  if (!name.empty()) {
    block.append("event: ").append(name).append("\n");
  }
  while (true) {
    const std::size_t end = data.find('\n');
    block.append("data: ").append(data.substr(0, end)).append("\n");
    if (end == std::string_view::npos) {
      return block.append("\n");
    }
    data.remove_prefix(end + 1);
  }
}

}  // namespace nearhit::server
