// An HTTP/1.1 request, and what makes one of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_client.h"

namespace nearhit::server {

// A request, whole.
struct HttpServerRequest {
  std::string method{};
  std::string target{};               // as sent: a path, and a query after "?"
  std::vector<HttpHeader> headers{};  // in order; names in lower case, values trimmed
  std::string body{};                 // without the framing of transfer encodings
  bool keep_alive = false;            // what the client asks for
  bool http_1_0 = false;

  std::string_view path() const { return std::string_view(target).substr(0, target.find('?')); }
  std::string_view query() const;  // without "?"; empty when there is none
  // The value of the first header of this name (in lower case); null when there is none.
  const std::string* Header(std::string_view name) const;
};

struct RequestLimits {
  std::size_t head_bytes = std::size_t{64} << 10;
  std::size_t headers = 128;
  std::size_t body_bytes = std::size_t{32} << 20;
};

// What a client that breaks the rules gets, before its connection is closed.
struct RequestRefusal {
  int status = 400;
  std::string reason{};  // never a value that the client sent
};

// Whether a head is one that every HTTP implementation reads alike (RFC 9112). What two of them
// could read in two ways is how requests are smuggled, so it is refused: a line that does not end
// in CRLF, a folded line, a blank before a colon, a control byte, no Host or two, two lengths or
// one that is not digits, a transfer encoding that is not exactly "chunked", that and a length
// together, or under HTTP/1.0.
//
// `head` has its blank line.
std::optional<RequestRefusal> CheckRequestHead(std::string_view head, const RequestLimits& limits);

// Reads requests from a connection's bytes, one after the other. Boost.Beast parses; heads pass
// CheckRequestHead() first, and extensions of chunks are refused.
//
// Thread-safety: externally synchronized.
class RequestReader {
 public:
  explicit RequestReader(const RequestLimits& limits);
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  enum class State : std::uint8_t { kIdle, kReading, kComplete, kRefused };

  // Takes bytes until a request is complete or refused. Returns how many it took; those that are
  // left belong to the next request.
  std::size_t Feed(std::string_view bytes);

  State state() const { return state_; }
  // The head is here, and the client waits for "100 Continue" before it sends the body. Once true.
  bool TakeExpectation();
  // Requires: kComplete. The reader is kIdle afterwards.
  HttpServerRequest Take();
  // Requires: kRefused.
  const RequestRefusal& refusal() const { return refusal_; }

 private:
  class BodyParser;

  std::size_t FeedHead(std::string_view bytes);
  std::size_t FeedBody(std::string_view bytes);
  void StartBody();
  void Refuse(RequestRefusal refusal);

  const RequestLimits limits_;
  State state_ = State::kIdle;
  std::string head_;
  bool expects_continue_ = false;
  std::unique_ptr<BodyParser> parser_;  // from the end of the head to the end of the request
  std::string partial_;                 // of the body: a line that is not whole
  HttpServerRequest request_;
  RequestRefusal refusal_;
};

}  // namespace nearhit::server
