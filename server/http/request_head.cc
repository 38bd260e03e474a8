#include <algorithm>
#include <array>

#include "server/http/request.h"

namespace nearhit::server {
namespace {

RequestRefusal Bad(std::string reason) {
  return {.status = 400, .reason = std::move(reason)};
}

// RFC 9110, section 5.6.2.
bool IsTokenByte(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         kMarks.find(c) != std::string_view::npos;
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenByte);
}

bool IsVisible(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c != 0x7F; });
}

bool IsFieldByte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  return lower;
}

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

std::optional<RequestRefusal> CheckRequestLine(std::string_view line, bool* http_1_0) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return Bad("the request line is not a method, a target and a version");
  }
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!IsToken(line.substr(0, first))) {
    return Bad("the method is not a token");
  }
  if (!IsVisible(target) || (target.front() != '/' && target != "*")) {
    return Bad("the target is not a path");
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return RequestRefusal{.status = 505, .reason = "the version is not HTTP/1.1 or HTTP/1.0"};
  }
  *http_1_0 = version == "HTTP/1.0";
  return std::nullopt;
}

// What the headers say about where the request ends.
struct Framing {
  std::size_t hosts = 0;
  std::size_t lengths = 0;
  std::size_t encodings = 0;
};

std::optional<RequestRefusal> CheckField(std::string_view line, Framing* framing) {
  if (line.front() == ' ' || line.front() == '\t') {
    return Bad("a header is folded");
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) {
    return Bad("a header has no name, or one that is not a token");
  }
  if (!std::all_of(line.begin(), line.end(), IsFieldByte)) {
    return Bad("a header has a control byte");
  }
  const std::string name = Lower(line.substr(0, colon));
  const std::string_view value = Trim(line.substr(colon + 1));
  if (name == "host") {
    ++framing->hosts;
  } else if (name == "content-length") {
    ++framing->lengths;
    constexpr std::size_t kMaxDigits = 18;
    if (value.empty() || value.size() > kMaxDigits ||
        value.find_first_not_of("0123456789") != std::string_view::npos) {
      return Bad("Content-Length is not a number of bytes");
    }
  } else if (name == "transfer-encoding") {
    ++framing->encodings;
    if (Lower(value) != "chunked") {
      return RequestRefusal{.status = 501, .reason = "Transfer-Encoding is not chunked"};
    }
  }
  return std::nullopt;
}

std::optional<RequestRefusal> CheckFraming(const Framing& framing, bool http_1_0) {
  if (framing.hosts > 1 || (framing.hosts == 0 && !http_1_0)) {
    return Bad(framing.hosts == 0 ? "Host is missing" : "Host comes twice");
  }
  if (framing.lengths > 1 || framing.encodings > 1) {
    return Bad("the length of the body is said twice");
  }
  if (framing.encodings > 0 && (framing.lengths > 0 || http_1_0)) {
    return Bad(http_1_0 ? "Transfer-Encoding is not part of HTTP/1.0"
                        : "Content-Length and Transfer-Encoding are both there");
  }
  return std::nullopt;
}

}  // namespace

std::string_view HttpServerRequest::query() const {
  const std::size_t mark = target.find('?');
  return mark == std::string::npos ? std::string_view() : std::string_view(target).substr(mark + 1);
}

const std::string* HttpServerRequest::Header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [name](const HttpHeader& header) { return header.name == name; });
  return found == headers.end() ? nullptr : &found->value;
}

std::optional<RequestRefusal> CheckRequestHead(std::string_view head, const RequestLimits& limits) {
  bool http_1_0 = false;
  Framing framing;
  std::size_t fields = 0;
  bool first = true;
  while (head != "\r\n") {
    const std::size_t end = head.find('\n');
    if (end == std::string_view::npos || end == 0 || head[end - 1] != '\r') {
      return Bad("a line does not end in CRLF");
    }
    const std::string_view line = head.substr(0, end - 1);
    head.remove_prefix(end + 1);
    std::optional<RequestRefusal> refusal;
    if (first) {
      refusal = CheckRequestLine(line, &http_1_0);
    } else if (++fields > limits.headers) {
      refusal = RequestRefusal{
          .status = 431, .reason = "there are over " + std::to_string(limits.headers) + " headers"};
    } else if (line.empty()) {
      refusal = Bad("the head has an empty line");
    } else {
      refusal = CheckField(line, &framing);
    }
    if (refusal) {
      return refusal;
    }
    first = false;
  }
  return CheckFraming(framing, http_1_0);
}

}  // namespace nearhit::server
