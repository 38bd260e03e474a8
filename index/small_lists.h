// Many short lists of nodes in one piece of memory: a list takes 4 bytes when it is empty, else as
// many more as it has nodes, and a few.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "index/paged_memory.h"

namespace nearhit {

// Thread-safety: externally synchronized.
class SmallLists {
 public:
  // Until the next change.
  std::span<const std::uint32_t> Get(std::size_t list) const {
    const std::uint32_t head = list < heads_.size() ? heads_[list] : 0;
    return head == 0 ? std::span<const std::uint32_t>()
                     : std::span<const std::uint32_t>(Words() + head + 1, Words()[head]);
  }
  void Add(std::size_t list, std::uint32_t value);
  // Requires: `value` is there.
  void Remove(std::size_t list, std::uint32_t value);
  struct Item {
    std::uint32_t list;
    std::uint32_t value;
  };
  // Lists 0 to `lists` of `items` instead of what was there.
  void Build(std::size_t lists, std::span<const Item> items);

  std::size_t memory_bytes() const { return (heads_.capacity() + used_) * sizeof(std::uint32_t); }

 private:
  // Blocks come in sizes of 2, 3, 4, 6, 8, 12, 16... words: the number of values and the values.
  static constexpr std::size_t kSizes = 60;
  static std::size_t SizeFor(std::size_t values);
  static std::size_t WordsOf(std::size_t size) {
    return (size % 2 == 0 ? std::size_t{2} : std::size_t{3}) << (size / 2);
  }

  std::uint32_t* Words() const { return reinterpret_cast<std::uint32_t*>(memory_.data()); }
  std::uint32_t Take(std::size_t size);
  void GiveBack(std::uint32_t block, std::size_t size);
  // Moves the list to a block that fits so many values, when its own is of another size.
  void Fit(std::size_t list, std::size_t values);

  std::vector<std::uint32_t> heads_;          // first words of blocks; 0: an empty list
  std::array<std::uint32_t, kSizes> free_{};  // a chain of blocks of each size; 0 ends it
  std::size_t used_ = 1;                      // words; the first stands for no block
  std::size_t capacity_ = 0;                  // words
  PagedMemory memory_;
};

}  // namespace nearhit
