// The partitions of one namespace, found by number and by the hash of their scope, in 16 to 30
// bytes each: a pointer, and a place in each of two slot maps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/hash.h"
#include "engine/collection/partition.h"
#include "engine/storage/keys.h"
#include "index/slot_map.h"

namespace nearhit {

// Thread-safety: externally synchronized; const methods may run together.
class PartitionTable {
 public:
  // Null when there is none. The hash has only located the partition: its scope may be another.
  PartitionPtr FindScope(const Hash128& scope_hash) const;
  PartitionPtr FindNumber(PartitionNumber number) const;

  // Of several with one hash, the last one put in is found by it, and the others by number only.
  // Requires: the number is not there.
  void Insert(PartitionPtr partition);
  // Takes out the one at this place of all(); the last one comes into its place.
  void EraseAt(std::size_t slot);

  // In no order.
  std::span<const PartitionPtr> all() const { return partitions_; }
  std::size_t size() const { return partitions_.size(); }

 private:
  auto NumberOf() const {
    return [this](std::uint32_t slot) { return partitions_[slot]->number; };
  }
  auto ScopeOf() const {
    return [this](std::uint32_t slot) { return partitions_[slot]->scope_hash; };
  }
  PartitionPtr At(std::uint32_t slot) const {
    return slot == SlotMap::kNone ? PartitionPtr() : partitions_[slot];
  }

  std::vector<PartitionPtr> partitions_;
  SlotMap by_number_;  // slots of partitions_, as the next
  SlotMap by_scope_;
};

}  // namespace nearhit
