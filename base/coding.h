// Little-endian integers and length-prefixed strings in byte buffers: how every record is written.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace nearhit {

static_assert(std::endian::native == std::endian::little, "formats are written in native order");

// Appends a fixed-width integer, float or enum.
template <typename T>
void PutFixed(std::string* out, T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  out->append(reinterpret_cast<const char*>(&value), sizeof(T));
}

// Appends a 64-bit integer in big-endian order, so that keys sort by value.
inline void PutBigEndian64(std::string* out, std::uint64_t value) {
  PutFixed(out, __builtin_bswap64(value));
}
inline void PutBigEndian32(std::string* out, std::uint32_t value) {
  PutFixed(out, __builtin_bswap32(value));
}

// Appends a 32-bit length and the bytes.
inline void PutBytes(std::string* out, std::string_view bytes) {
  PutFixed(out, static_cast<std::uint32_t>(bytes.size()));
  out->append(bytes);
}

// Reads what the functions above wrote. A read past the end makes the reader bad and returns zeros or
// empty views from then on, so a decoder checks ok() once at its end.
//
// Thread-safety: externally synchronized. Views point into the input.
class ByteReader {
 public:
  explicit ByteReader(std::string_view input) : rest_(input) {}

  template <typename T>
  T Fixed() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    if (rest_.size() < sizeof(T)) {
      Fail();
      return value;
    }
    std::memcpy(&value, rest_.data(), sizeof(T));
    rest_.remove_prefix(sizeof(T));
    return value;
  }
  std::uint64_t BigEndian64() { return __builtin_bswap64(Fixed<std::uint64_t>()); }
  std::uint32_t BigEndian32() { return __builtin_bswap32(Fixed<std::uint32_t>()); }

  std::string_view Raw(std::size_t size) {
    if (rest_.size() < size) {
      Fail();
      return {};
    }
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }
  std::string_view Bytes() { return Raw(Fixed<std::uint32_t>()); }

  bool ok() const { return ok_; }
  bool AtEnd() const { return ok_ && rest_.empty(); }
  std::size_t remaining() const { return rest_.size(); }

 private:
  void Fail() {
    ok_ = false;
    rest_ = {};
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace nearhit
