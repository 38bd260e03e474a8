#include "server/http/request_head.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

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
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
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

// Whether a list in a header has this item, in lower case.
bool HasItem(std::string_view list, std::string_view item) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (Lower(Trim(list.substr(0, comma))) == item) {
      return true;
    }
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

// Reads one head, line after line.
class HeadReader {
 public:
  HeadReader(const RequestLimits& limits, RequestHead* head) : limits_(limits), head_(head) {}

  std::optional<RequestRefusal> FirstLine(std::string_view line) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) {
      return Bad("the request line is not a method, a target and a version");
    }
    const std::string_view method = line.substr(0, first);
    const std::string_view target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    if (!IsToken(method)) {
      return Bad("the method is not a token");
    }
    if (!IsVisible(target)) {
      return Bad("the target is not a path");
    }
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
      return RequestRefusal{.status = 505, .reason = "the version is not HTTP/1.1 or HTTP/1.0"};
    }
    if (target.front() != '/' && (target != "*" || method != "OPTIONS")) {
      return Bad("the target is not a path");
    }
    head_->request.method = method;
    head_->request.target = target;
    head_->request.http_1_0 = version == "HTTP/1.0";
    return std::nullopt;
  }

  std::optional<RequestRefusal> Field(std::string_view line) {
    std::vector<HttpHeader>& headers = head_->request.headers;
    if (headers.size() == limits_.headers) {
      return RequestRefusal{
          .status = 431,
          .reason = "there are over " + std::to_string(limits_.headers) + " headers"};
    }
    if (!IsFieldLine(line)) {
      return Bad("a header has no name that is a token, is folded, or has a control byte");
    }
    const std::size_t colon = line.find(':');
    headers.push_back(
        {.name = Lower(line.substr(0, colon)), .value = std::string(Trim(line.substr(colon + 1)))});
    return Meaning(headers.back());
  }

  // What the headers say together.
  std::optional<RequestRefusal> End() {
    const bool http_1_0 = head_->request.http_1_0;
    if (hosts_ > 1 || (hosts_ == 0 && !http_1_0)) {
      return Bad(hosts_ == 0 ? "Host is missing" : "Host comes twice");
    }
    if (lengths_ > 1 || encodings_ > 1) {
      return Bad("the length of the body is said twice");
    }
    if (encodings_ > 0 && (lengths_ > 0 || http_1_0)) {
      return Bad(http_1_0 ? "Transfer-Encoding is not part of HTTP/1.0"
                          : "Content-Length and Transfer-Encoding are both there");
    }
    if (head_->length > limits_.body_bytes) {
      return RequestRefusal{
          .status = 413,
          .reason = "the body has over " + std::to_string(limits_.body_bytes) + " bytes"};
    }
    head_->chunked = encodings_ > 0;
    head_->request.keep_alive = !close_ && (!http_1_0 || keep_alive_);
    head_->expects_continue = expects_ && !http_1_0;
    return std::nullopt;
  }

 private:
  std::optional<RequestRefusal> Meaning(const HttpHeader& header) {
    if (header.name == "host") {
      ++hosts_;
    } else if (header.name == "content-length") {
      ++lengths_;
      constexpr std::size_t kMaxDigits = 18;  // no overflow
      if (header.value.empty() || header.value.size() > kMaxDigits ||
          header.value.find_first_not_of("0123456789") != std::string::npos) {
        return Bad("Content-Length is not a number of bytes");
      }
      std::from_chars(header.value.data(), header.value.data() + header.value.size(),
                      head_->length);
    } else if (header.name == "transfer-encoding") {
      ++encodings_;
      if (Lower(header.value) != "chunked") {
        return RequestRefusal{.status = 501, .reason = "Transfer-Encoding is not chunked"};
      }
    } else if (header.name == "connection") {
      close_ = close_ || HasItem(header.value, "close");
      keep_alive_ = keep_alive_ || HasItem(header.value, "keep-alive");
    } else if (header.name == "expect") {
      expects_ = Lower(header.value) == "100-continue";
    }
    return std::nullopt;
  }

  const RequestLimits& limits_;
  RequestHead* const head_;
  std::size_t hosts_ = 0;
  std::size_t lengths_ = 0;
  std::size_t encodings_ = 0;
  bool close_ = false;
  bool keep_alive_ = false;
  bool expects_ = false;
};

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

bool IsFieldLine(std::string_view line) {
  const std::size_t colon = line.find(':');
  return colon != std::string_view::npos && IsToken(line.substr(0, colon)) &&
         std::all_of(line.begin(), line.end(), IsFieldByte);
}

std::optional<RequestRefusal> ReadRequestHead(std::string_view bytes, const RequestLimits& limits,
                                              RequestHead* head) {
  HeadReader reader(limits, head);
  bool first = true;
  while (first || bytes != "\r\n") {
    const std::size_t end = bytes.find('\n');
    if (end == std::string_view::npos || end == 0 || bytes[end - 1] != '\r') {
      return Bad("a line does not end in CRLF");
    }
    const std::string_view line = bytes.substr(0, end - 1);
    bytes.remove_prefix(end + 1);
    if (std::optional<RequestRefusal> refusal =
            std::exchange(first, false) ? reader.FirstLine(line) : reader.Field(line)) {
      return refusal;
    }
  }
  return reader.End();
}

}  // namespace nearhit::server
