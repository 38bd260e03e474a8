#include "engine/collection/partition_table.h"

#include <utility>

namespace nearhit {

PartitionPtr PartitionTable::FindScope(const Hash128& scope_hash) const {
  return At(by_scope_.Find(scope_hash, ScopeOf()));
}

PartitionPtr PartitionTable::FindNumber(PartitionNumber number) const {
  return At(by_number_.Find(number, NumberOf()));
}

void PartitionTable::Insert(PartitionPtr partition) {
  if (partitions_.size() == partitions_.capacity()) {
    partitions_.reserve(partitions_.size() + partitions_.size() / 8 + 1);
  }
  const auto slot = static_cast<std::uint32_t>(partitions_.size());
  const PartitionNumber number = partition->number;
  const Hash128 hash = partition->scope_hash;
  partitions_.push_back(std::move(partition));
  by_number_.Insert(number, slot, NumberOf());
  if (by_scope_.Find(hash, ScopeOf()) == SlotMap::kNone) {
    by_scope_.Insert(hash, slot, ScopeOf());
  } else {
    by_scope_.Move(hash, slot, ScopeOf());
  }
}

void PartitionTable::EraseAt(std::size_t slot) {
  const auto hole = static_cast<std::uint32_t>(slot);
  const auto last = static_cast<std::uint32_t>(partitions_.size() - 1);
  by_number_.Erase(partitions_[hole]->number, NumberOf());
  if (by_scope_.Find(partitions_[hole]->scope_hash, ScopeOf()) == hole) {
    by_scope_.Erase(partitions_[hole]->scope_hash, ScopeOf());
  }
  if (hole != last) {
    by_number_.Move(partitions_[last]->number, hole, NumberOf());
    if (by_scope_.Find(partitions_[last]->scope_hash, ScopeOf()) == last) {
      by_scope_.Move(partitions_[last]->scope_hash, hole, ScopeOf());
    }
    partitions_[hole] = std::move(partitions_[last]);
  }
  partitions_.pop_back();
}

}  // namespace nearhit
