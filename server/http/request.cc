#include "server/http/request.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cctype>
#include <functional>
#include <utility>

#include "base/check.h"

namespace nearhit::server {
namespace {

namespace http = boost::beast::http;

constexpr std::string_view kHeadEnd = "\r\n\r\n";
// Of a line between chunks, or of the fields after the last one, that is not whole.
constexpr std::size_t kMaxPartialBytes = 4 << 10;

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

std::string ToString(boost::beast::string_view text) {
  return std::string(text.data(), text.size());
}

RequestRefusal BodyRefusal(const boost::system::error_code& error, const RequestLimits& limits) {
  if (error == http::error::body_limit) {
    return {.status = 413,
            .reason = "the body has over " + std::to_string(limits.body_bytes) + " bytes"};
  }
  return {.status = 400, .reason = "the framing of the body cannot be read"};
}

}  // namespace

// A request from the end of its head.
class RequestReader::BodyParser {
 public:
  explicit BodyParser(const RequestLimits& limits) {
    parser_.header_limit(static_cast<std::uint32_t>(limits.head_bytes));
    parser_.body_limit(limits.body_bytes);
    parser_.eager(true);
    parser_.on_chunk_header(on_chunk_);
  }

  // Takes what belongs to the request. Returns how much that was.
  std::size_t Put(std::string_view bytes, boost::system::error_code* error) {
    std::size_t taken = 0;
    while (taken < bytes.size() && !parser_.is_done()) {
      const std::size_t put = parser_.put(
          boost::asio::const_buffer(bytes.data() + taken, bytes.size() - taken), *error);
      taken += put;
      if (*error || put == 0) {
        break;
      }
    }
    return taken;
  }
  bool done() const { return parser_.is_done(); }
  http::request<http::string_body>& message() { return parser_.get(); }

 private:
  using Extensions = boost::beast::string_view;

  std::function<void(std::uint64_t, Extensions, boost::system::error_code&)> on_chunk_ =
      [](std::uint64_t, Extensions extensions, boost::system::error_code& error) {
        if (!extensions.empty()) {
          error = http::error::bad_chunk_extension;
        }
      };
  http::request_parser<http::string_body> parser_;
};

RequestReader::RequestReader(const RequestLimits& limits) : limits_(limits) {
}

RequestReader::~RequestReader() = default;

std::size_t RequestReader::Feed(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && (state_ == State::kIdle || state_ == State::kReading)) {
    const std::string_view left = bytes.substr(taken);
    taken += parser_ == nullptr ? FeedHead(left) : FeedBody(left);
  }
  return taken;
}

std::size_t RequestReader::FeedHead(std::string_view bytes) {
  if (state_ == State::kIdle) {
    // RFC 9112, section 2.2: an empty line before a request is ignored. One, after a body.
    if (head_.empty() && (bytes.front() == '\r' || bytes.front() == '\n')) {
      if (bytes.front() == '\r' && bytes.size() >= 2 && bytes[1] == '\n') {
        return 2;
      }
    }
    state_ = State::kReading;
  }
  const std::size_t before = head_.size();
  const std::size_t room = limits_.head_bytes - before;
  head_.append(bytes.substr(0, std::min(bytes.size(), room)));
  const std::size_t from = before < kHeadEnd.size() ? 0 : before - kHeadEnd.size() + 1;
  const std::size_t end = head_.find(kHeadEnd, from);
  if (end == std::string::npos) {
    if (head_.size() == limits_.head_bytes) {
      Refuse({.status = 431,
              .reason = "the head has over " + std::to_string(limits_.head_bytes) + " bytes"});
    }
    return head_.size() - before;
  }
  const std::size_t taken = end + kHeadEnd.size() - before;
  head_.resize(end + kHeadEnd.size());
  if (std::optional<RequestRefusal> refusal = CheckRequestHead(head_, limits_)) {
    Refuse(*std::move(refusal));
  } else {
    StartBody();
  }
  return taken;
}

void RequestReader::StartBody() {
  parser_ = std::make_unique<BodyParser>(limits_);
  boost::system::error_code error;
  parser_->Put(head_, &error);
  if (error) {
    Refuse(BodyRefusal(error, limits_));
    return;
  }
  // Fields that come after the body are dropped: nothing may change what the head said.
  const auto& message = parser_->message();
  request_.method = ToString(message.method_string());
  request_.target = ToString(message.target());
  request_.http_1_0 = message.version() == 10;
  request_.keep_alive = message.keep_alive();
  for (const auto& field : message) {
    std::string name = ToString(field.name_string());
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    request_.headers.push_back({.name = std::move(name), .value = ToString(field.value())});
  }
  head_.clear();
  const std::string* const expect = request_.Header("expect");
  expects_continue_ =
      !parser_->done() && expect != nullptr && EqualsIgnoringCase(*expect, "100-continue");
  if (parser_->done()) {
    FeedBody({});
  }
}

std::size_t RequestReader::FeedBody(std::string_view bytes) {
  const std::size_t held = partial_.size();
  std::string_view left = bytes;
  if (held > 0) {
    partial_ += bytes;
    left = partial_;
  }
  boost::system::error_code error;
  const std::size_t put = parser_->Put(left, &error);
  if (error && error != http::error::need_more) {
    Refuse(BodyRefusal(error, limits_));
    return bytes.size();
  }
  if (parser_->done()) {
    request_.body = std::move(parser_->message().body());
    parser_.reset();
    partial_.clear();
    state_ = State::kComplete;
    return put - held;
  }
  partial_ = std::string(left.substr(put));
  if (partial_.size() > kMaxPartialBytes) {
    Refuse({.status = 400, .reason = "a line between chunks is too long"});
  }
  return bytes.size();
}

bool RequestReader::TakeExpectation() {
  return std::exchange(expects_continue_, false);
}

HttpServerRequest RequestReader::Take() {
  NEARHIT_CHECK(state_ == State::kComplete);
  state_ = State::kIdle;
  return std::exchange(request_, HttpServerRequest());
}

void RequestReader::Refuse(RequestRefusal refusal) {
  state_ = State::kRefused;
  refusal_ = std::move(refusal);
  parser_.reset();
}

}  // namespace nearhit::server
