// The chunked transfer encoding of a request's body (RFC 9112, section 7.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/refusal.h"

namespace nearhit::server {

// Takes the framing off a body. Trailers are dropped: nothing may change what the head said.
// Refused are extensions of chunks, lines that do not end in CRLF, and trailers that are no
// headers.
//
// Thread-safety: externally synchronized.
class ChunkReader {
 public:
  explicit ChunkReader(std::size_t max_body_bytes) : max_body_bytes_(max_body_bytes) {}

  // Takes bytes until the body is whole or refused, and adds what they carry to `body`. Returns how
  // many it took.
  std::size_t Feed(std::string_view bytes, std::string* body);
  bool done() const { return state_ == State::kDone; }
  const std::optional<RequestRefusal>& refusal() const { return refusal_; }

 private:
  enum class State : std::uint8_t { kSize, kSizeEnd, kData, kDataEnd, kTrailers, kDone };

  void Byte(char byte, std::size_t body_bytes);
  void SizeByte(char byte);
  void SizeEndByte(char byte, std::size_t body_bytes);
  void DataEndByte(char byte);
  void TrailerByte(char byte);
  void Refuse(int status, std::string reason);

  const std::size_t max_body_bytes_;
  State state_ = State::kSize;
  std::size_t digits_ = 0;         // of the size so far
  std::uint64_t size_ = 0;         // of the chunk; then what is left of it
  bool after_cr_ = false;          // behind the data of a chunk
  std::string line_;               // of the trailers
  std::size_t trailer_bytes_ = 0;  // in all
  std::optional<RequestRefusal> refusal_;
};

}  // namespace nearhit::server
