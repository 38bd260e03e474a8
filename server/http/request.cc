#include "server/http/request.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "server/http/request_head.h"

namespace nearhit::server {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
// How a client begins that wants TLS (RFC 8446, section 5.1). It waits for an answer.
constexpr char kTlsHandshake = 22;
// More than this only once it has come: a client may promise what it does not send.
constexpr std::size_t kMaxReservedBytes = std::size_t{1} << 20;

// Whether a line that ends in [from, to) ends in LF alone.
bool HasBareLf(std::string_view text, std::size_t from, std::size_t to) {
  for (std::size_t at = from; (at = text.substr(0, to).find('\n', at)) != std::string_view::npos;
       ++at) {
    if (at == 0 || text[at - 1] != '\r') {
      return true;
    }
  }
  return false;
}

}  // namespace

RequestReader::RequestReader(const RequestLimits& limits) : limits_(limits) {
}

std::size_t RequestReader::Feed(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && (state_ == State::kIdle || state_ == State::kReading)) {
    const std::string_view left = bytes.substr(taken);
    taken += in_body_ ? FeedBody(left) : FeedHead(left);
  }
  return taken;
}

std::size_t RequestReader::FeedHead(std::string_view bytes) {
  state_ = State::kReading;
  const std::size_t before = head_.size();
  head_.append(bytes.substr(0, limits_.head_bytes - before));
  if (!skipped_line_ && head_.starts_with(kLineEnd)) {  // RFC 9112, section 2.2
    skipped_line_ = true;
    head_.clear();
    state_ = State::kIdle;
    return kLineEnd.size() - before;
  }
  if (head_.front() == kTlsHandshake) {
    Refuse({.status = 400, .reason = "this port speaks HTTP without TLS"});
    return bytes.size();
  }
  const std::size_t from = before < kHeadEnd.size() ? 0 : before - kHeadEnd.size() + 1;
  const std::size_t end = head_.find(kHeadEnd, from);
  if (HasBareLf(head_, before, std::min(end, head_.size()))) {
    Refuse({.status = 400, .reason = "a line does not end in CRLF"});
    return bytes.size();
  }
  if (end == std::string::npos) {
    if (head_.size() == limits_.head_bytes) {
      Refuse({.status = 431,
              .reason = "the head has over " + std::to_string(limits_.head_bytes) + " bytes"});
    }
    return head_.size() - before;
  }
  head_.resize(end + kHeadEnd.size());
  const std::size_t taken = head_.size() - before;
  StartBody();
  return taken;
}

void RequestReader::StartBody() {
  RequestHead head;
  if (std::optional<RequestRefusal> refusal = ReadRequestHead(head_, limits_, &head)) {
    Refuse(*std::move(refusal));
    return;
  }
  head_.clear();
  request_ = std::move(head.request);
  in_body_ = true;
  missing_ = head.length;
  if (head.chunked) {
    chunks_.emplace(limits_.body_bytes);
  } else if (missing_ == 0) {
    FeedBody({});
    return;
  }
  request_.body.reserve(std::min(missing_, kMaxReservedBytes));
  expects_continue_ = head.expects_continue;
}

std::size_t RequestReader::FeedBody(std::string_view bytes) {
  std::size_t taken = 0;
  if (chunks_) {
    taken = chunks_->Feed(bytes, &request_.body);
    if (chunks_->refusal()) {
      Refuse(*chunks_->refusal());
      return taken;
    }
  } else {
    taken = std::min(bytes.size(), missing_);
    request_.body.append(bytes.substr(0, taken));
    missing_ -= taken;
  }
  if (chunks_ ? chunks_->done() : missing_ == 0) {
    chunks_.reset();
    in_body_ = false;
    expects_continue_ = false;  // whoever sends a body does not wait
    state_ = State::kComplete;
  }
  return taken;
}

bool RequestReader::TakeExpectation() {
  return std::exchange(expects_continue_, false);
}

HttpServerRequest RequestReader::Take() {
  NEARHIT_CHECK(state_ == State::kComplete);
  state_ = State::kIdle;
  skipped_line_ = false;
  return std::exchange(request_, HttpServerRequest());
}

void RequestReader::Refuse(RequestRefusal refusal) {
  state_ = State::kRefused;
  refusal_ = std::move(refusal);
  expects_continue_ = false;
  request_ = HttpServerRequest();
  chunks_.reset();
}

}  // namespace nearhit::server
