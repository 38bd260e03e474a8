// Asking memory for what is read soon.
#pragma once

#include <algorithm>
#include <cstddef>

namespace nearhit {

inline constexpr std::size_t kCacheLine = 64;

// Begins to fetch a cache line. Not by __builtin_prefetch: GCC 12 takes a function that does no
// more than that for one without effect and leaves its calls out.
inline void Prefetch(const void* address) {
  asm volatile("prefetcht0 %0" : : "m"(*static_cast<const char*>(address)));
}

// Begins to fetch `bytes`, at least one, of many the first 512: the processor goes on by itself.
inline void Prefetch(const void* first, std::size_t bytes) {
  constexpr std::size_t kMost = 512;
  const auto* begin = static_cast<const char*>(first);
  const std::size_t end = std::min(bytes, kMost);
  for (std::size_t at = 0; at < end; at += kCacheLine) {
    Prefetch(begin + at);
  }
  Prefetch(begin + end - 1);  // in one line more when the first byte does not begin a line
}

}  // namespace nearhit
