// From what a record says to the node that holds it: an entry that is asked for by itself is found
// without a walk, and what is stored twice is recognized.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "index/codec.h"
#include "index/graph_store.h"

namespace nearhit {

// The same for all that are encoded the same: a vector as a query, and Codec::QueryOf its record.
std::uint32_t HashOf(const EncodedQuery& query);

// A hash table with open addressing and linear probing, of 32 bits of hash and a node in 8 bytes a
// place. Nodes whose hashes are equal are told apart by the caller.
//
// Thread-safety: one writer, and Find beside it in a ReadSection (base/epoch.h).
class RecordTable {
 public:
  RecordTable() = default;
  ~RecordTable() = default;
  RecordTable(const RecordTable&) = delete;
  RecordTable& operator=(const RecordTable&) = delete;

  // A node of that hash for which is_it(node), or kNoNode.
  template <typename IsIt>
  NodeId Find(std::uint32_t hash, const IsIt& is_it) const {
    const Places* const places = places_.load(std::memory_order_acquire);
    if (places == nullptr) {
      return kNoNode;
    }
    for (std::size_t at = hash & places->mask;; at = (at + 1) & places->mask) {
      const std::uint64_t place = places->at[at].load(std::memory_order_acquire);
      if (place == kFree) {
        return kNoNode;
      }
      if (place != kGone && HashIn(place) == hash && is_it(NodeOf(place))) {
        return NodeOf(place);
      }
    }
  }

  // The node is complete: readers come to it from now on. Growth waits for the readers of before.
  void Insert(std::uint32_t hash, NodeId node);
  // Requires: it is there.
  void Erase(std::uint32_t hash, NodeId node);
  // Requires: there are no readers.
  void Clear();

  std::size_t memory_bytes() const;

 private:
  struct Places {
    explicit Places(std::size_t count);

    std::size_t mask;  // a power of two of them, less one
    std::unique_ptr<std::atomic<std::uint64_t>[]> at;
  };

  static constexpr std::uint64_t kFree = ~std::uint64_t{0};
  static constexpr std::uint64_t kGone = kFree - 1;  // neither is of a node that there can be
  static NodeId NodeOf(std::uint64_t place) { return static_cast<NodeId>(place); }
  static std::uint32_t HashIn(std::uint64_t place) {
    return static_cast<std::uint32_t>(place >> 32U);
  }

  void Rebuild();
  // Where `place` goes, which is not there.
  static void Put(const Places& places, std::uint64_t place);

  std::unique_ptr<const Places> owned_;
  std::atomic<const Places*> places_{nullptr};
  std::size_t nodes_ = 0;
  std::size_t used_ = 0;  // places that are not free; at most 4/5 of all
};

}  // namespace nearhit
