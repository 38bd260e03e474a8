// Takes a fuzz input apart. Reads past the end give zeros and empty views, so that every input is
// one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/check.h"

namespace nearhit {

// A property that must hold; failing ends the run, which is how a fuzzer learns of it.
#define FUZZ_CHECK(condition) NEARHIT_CHECK(condition)

// Thread-safety: owned by one thread. Views point into the input.
class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t size)
      : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }
  std::uint8_t Byte() { return Number<std::uint8_t>(); }

  template <typename T>
  T Number() {
    T value{};
    const std::string_view bytes = Take(sizeof(value));
    std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }

  // At most `size` bytes.
  std::string_view Take(std::size_t size) {
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(bytes.size());
    return bytes;
  }
  // A length byte and as many bytes.
  std::string_view Short() { return Take(Byte()); }
  std::string_view Rest() { return Take(rest_.size()); }

 private:
  std::string_view rest_;
};

}  // namespace nearhit
