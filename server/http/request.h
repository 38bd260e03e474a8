// An HTTP/1.1 request, and what makes one of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_client.h"
#include "server/http/chunks.h"

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

// Reads requests from a connection's bytes, one after the other; the same ones however the bytes
// are cut. What implementations could read in two ways is refused: see request_head.h, chunks.h.
//
// Thread-safety: externally synchronized.
class RequestReader {
 public:
  explicit RequestReader(const RequestLimits& limits);
  ~RequestReader() = default;
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
  std::size_t FeedHead(std::string_view bytes);
  std::size_t FeedBody(std::string_view bytes);
  void StartBody();
  void Refuse(RequestRefusal refusal);

  const RequestLimits limits_;
  State state_ = State::kIdle;
  bool skipped_line_ = false;  // an empty one, before the request
  bool in_body_ = false;
  bool expects_continue_ = false;
  std::string head_;
  std::size_t missing_ = 0;            // bytes of a body of known length
  std::optional<ChunkReader> chunks_;  // of one that comes in chunks
  HttpServerRequest request_;
  RequestRefusal refusal_;
};

}  // namespace nearhit::server
