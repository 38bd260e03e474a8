#include "server/http/chunks.h"

#include <algorithm>
#include <utility>

#include "server/http/request_head.h"

namespace nearhit::server {
namespace {

constexpr std::size_t kMaxDigits = 16;
constexpr std::size_t kMaxTrailerBytes = std::size_t{4} << 10;

// Negative when it is none.
int HexValue(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::size_t ChunkReader::Feed(std::string_view bytes, std::string* body) {
  std::size_t taken = 0;
  while (taken < bytes.size() && !done() && !refusal_) {
    if (state_ == State::kData) {
      const auto size =
          static_cast<std::size_t>(std::min<std::uint64_t>(size_, bytes.size() - taken));
      body->append(bytes.substr(taken, size));
      taken += size;
      size_ -= size;
      state_ = size_ == 0 ? State::kDataEnd : State::kData;
    } else {
      Byte(bytes[taken++], body->size());
    }
  }
  return taken;
}

void ChunkReader::Byte(char byte, std::size_t body_bytes) {
  switch (state_) {
    case State::kSize:
      return SizeByte(byte);
    case State::kSizeEnd:
      return SizeEndByte(byte, body_bytes);
    case State::kDataEnd:
      return DataEndByte(byte);
    case State::kTrailers:
      return TrailerByte(byte);
    case State::kData:
    case State::kDone:
      return;
  }
}

void ChunkReader::SizeByte(char byte) {
  const int digit = HexValue(byte);
  if (digit >= 0 && digits_ < kMaxDigits) {
    size_ = size_ << 4U | static_cast<std::uint64_t>(digit);
    ++digits_;
  } else if (byte == '\r' && digits_ > 0) {
    state_ = State::kSizeEnd;
  } else {
    Refuse(400, "the size of a chunk is not a hexadecimal number alone on its line");
  }
}

void ChunkReader::SizeEndByte(char byte, std::size_t body_bytes) {
  if (byte != '\n') {
    Refuse(400, "the size of a chunk does not end in CRLF");
  } else if (size_ > max_body_bytes_ - body_bytes) {
    Refuse(413, "the body has over " + std::to_string(max_body_bytes_) + " bytes");
  } else {
    state_ = size_ == 0 ? State::kTrailers : State::kData;
    digits_ = 0;
  }
}

void ChunkReader::DataEndByte(char byte) {
  if (byte != (after_cr_ ? '\n' : '\r')) {
    Refuse(400, "a chunk does not end in CRLF where its size says");
    return;
  }
  state_ = after_cr_ ? State::kSize : State::kDataEnd;
  after_cr_ = !after_cr_;
}

void ChunkReader::TrailerByte(char byte) {
  if (++trailer_bytes_ > kMaxTrailerBytes) {
    Refuse(431, "the trailers have over " + std::to_string(kMaxTrailerBytes) + " bytes");
    return;
  }
  if (byte != '\n') {
    line_ += byte;
    return;
  }
  if (line_ == "\r") {
    state_ = State::kDone;
  } else if (!line_.ends_with('\r') ||
             !IsFieldLine(std::string_view(line_).substr(0, line_.size() - 1))) {
    Refuse(400, "a trailer is not one");
  }
  line_.clear();
}

void ChunkReader::Refuse(int status, std::string reason) {
  refusal_ = RequestRefusal{.status = status, .reason = std::move(reason)};
}

}  // namespace nearhit::server
