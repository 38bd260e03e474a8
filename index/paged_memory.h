// Zeroed memory that grows without being copied: its pages are moved, not their contents, or it has
// address space to grow into. Pages that were never written take no memory. Large ones ask for huge
// pages: a walk touches hundreds of records at random, and with pages of 4 KiB almost each of them
// misses the TLB too.
#pragma once

#include <cstddef>
#include <utility>

namespace nearhit {

// Thread-safety: externally synchronized.
class PagedMemory {
 public:
  PagedMemory() = default;
  // Takes address space, no memory: up to so many bytes, it grows without moving. Beyond, it does
  // not grow. Throws std::bad_alloc when the system has none left.
  explicit PagedMemory(std::size_t reserved);
  ~PagedMemory() { Free(); }
  PagedMemory(const PagedMemory&) = delete;
  PagedMemory& operator=(const PagedMemory&) = delete;
  PagedMemory(PagedMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        mapped_(std::exchange(other.mapped_, 0)),
        reserved_(std::exchange(other.reserved_, 0)) {}
  PagedMemory& operator=(PagedMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(mapped_, other.mapped_);
    std::swap(reserved_, other.reserved_);
    return *this;
  }

  // Aligned to a page; null before the first Grow of memory without a reserve.
  std::byte* data() const { return data_; }
  bool GrowsInPlace(std::size_t bytes) const { return bytes <= reserved_; }
  // Keeps what is there and, without a reserve, moves it, so that pointers into it are void; the
  // rest is zero. Never shrinks. Throws std::bad_alloc when the system has no address space left.
  // Requires: GrowsInPlace(bytes), or no reserve.
  void Grow(std::size_t bytes);
  // Gives back the whole pages behind the first `bytes`; they are zero when they are read again.
  void Discard(std::size_t bytes);

 private:
  void Free();

  std::byte* data_ = nullptr;
  std::size_t mapped_ = 0;    // bytes that may be used; whole pages
  std::size_t reserved_ = 0;  // 0: none; no less than mapped_ otherwise
};

}  // namespace nearhit
