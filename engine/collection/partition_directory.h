// The partitions of one namespace: found, made by the first write to a scope, and dropped when they
// are empty.
#pragma once

#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/mutex.h"
#include "engine/collection/partition.h"
#include "engine/collection/partition_table.h"
#include "engine/storage/keys.h"

namespace nearhit {

// Thread-safety: thread-safe; the lock is held for one map operation, or a pass over all.
class PartitionDirectory {
 public:
  explicit PartitionDirectory(const IndexShape& shape) : shape_(shape) {}
  ~PartitionDirectory() = default;
  PartitionDirectory(const PartitionDirectory&) = delete;
  PartitionDirectory& operator=(const PartitionDirectory&) = delete;

  // Null when there is none. The hash has only located the partition: its scope may be another.
  PartitionPtr FindScope(const Hash128& scope_hash) const {
    ReaderLock lock(&mu_);
    return table_.FindScope(scope_hash);
  }
  PartitionPtr FindNumber(PartitionNumber number) const {
    ReaderLock lock(&mu_);
    return table_.FindNumber(number);
  }
  // Every one that is there now, in no order.
  std::vector<PartitionPtr> All() const;

  // Puts in one that storage has.
  void Load(PartitionNumber number, const Hash128& scope_hash, std::string_view scope);
  // The partition under this hash, a new one if need be. It is in use once more.
  PartitionPtr Pin(const Hash128& scope_hash, std::string_view scope);
  // Takes out those that are not in use; returns their numbers. None of them is given out again.
  std::vector<PartitionNumber> DropEmpty();

 private:
  const IndexShape shape_;

  mutable SharedMutex mu_;
  PartitionTable table_ NEARHIT_GUARDED_BY(mu_);
  PartitionNumber next_ NEARHIT_GUARDED_BY(mu_) = 1;
};

}  // namespace nearhit
