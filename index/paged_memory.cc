#include "index/paged_memory.h"

#include <algorithm>
#include <cstdint>
#include <new>
#include <sys/mman.h>

#include "base/check.h"
#include "base/round_up.h"

namespace nearhit {

namespace {

constexpr std::size_t kPage = std::size_t{4} << 10;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

// Of what pages so much memory should be.
constexpr std::size_t UnitFor(std::size_t bytes) {
  return bytes < kHugePage ? kPage : kHugePage;
}

void* Map(std::size_t bytes, int protection) {
  void* memory = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                      /*fd=*/-1, /*offset=*/0);
  if (memory == MAP_FAILED) {
    throw std::bad_alloc();
  }
  return memory;
}

// Addresses from a multiple of `unit` on; what was taken to find one is given back.
std::byte* Reserve(std::size_t bytes, std::size_t unit, int protection) {
  if (unit == kPage) {
    return static_cast<std::byte*>(Map(bytes, protection));
  }
  auto* taken = static_cast<std::byte*>(Map(bytes + unit, protection));
  const std::size_t before = RoundUp(reinterpret_cast<std::uintptr_t>(taken), unit) -
                             reinterpret_cast<std::uintptr_t>(taken);
  if (before > 0) {
    munmap(taken, before);
  }
  if (before < unit) {
    munmap(taken + before + bytes, unit - before);
  }
  return taken + before;
}

}  // namespace

PagedMemory::PagedMemory(std::size_t reserved) {
  const std::size_t unit = UnitFor(reserved);
  const std::size_t size = RoundUp(reserved, unit);
  data_ = Reserve(size, unit, PROT_NONE);
  reserved_ = size;
}

void PagedMemory::Grow(std::size_t bytes) {
  const std::size_t unit = UnitFor(bytes);
  const std::size_t size = RoundUp(bytes, unit);
  if (size <= mapped_) {
    return;
  }
  if (reserved_ > 0) {
    NEARHIT_CHECK(GrowsInPlace(bytes));
    if (mprotect(data_, size, PROT_READ | PROT_WRITE) != 0) {
      throw std::bad_alloc();
    }
  } else if (data_ == nullptr) {
    data_ = Reserve(size, unit, PROT_READ | PROT_WRITE);
  } else {
    std::byte* target = Reserve(size, unit, PROT_NONE);
    if (mremap(data_, mapped_, size, MREMAP_MAYMOVE | MREMAP_FIXED, target) == MAP_FAILED) {
      munmap(target, size);
      throw std::bad_alloc();
    }
    data_ = target;
  }
  mapped_ = size;
  if (unit == kHugePage) {
    madvise(data_, mapped_, MADV_HUGEPAGE);  // only advice: where it is refused, walks are slower
  }
}

void PagedMemory::Discard(std::size_t bytes) {
  const std::size_t first = RoundUp(bytes, kPage);
  if (first < mapped_) {
    madvise(data_ + first, mapped_ - first, MADV_DONTNEED);
  }
}

void PagedMemory::Free() {
  if (data_ != nullptr) {
    munmap(data_, std::max(mapped_, reserved_));
  }
}

}  // namespace nearhit
