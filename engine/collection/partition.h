// One (namespace, scope): the entries that a lookup can see, and their vector index.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/hash.h"
#include "engine/storage/keys.h"
#include "index/partition_index.h"

namespace nearhit {

// Scopes up to this size stay in memory; longer ones are compared with their stored copy.
inline constexpr std::size_t kScopeBytesInMemory = 1024;

// Thread-safety: the counters and the index synchronize themselves; the rest is constant.
struct Partition {
  Partition(PartitionNumber partition_number, const Hash128& hash, std::string_view scope)
      : number(partition_number),
        scope_hash(hash),
        scope_bytes(scope.size()),
        scope_text(scope.size() <= kScopeBytesInMemory ? scope : std::string_view()) {}

  const PartitionNumber number;
  const Hash128 scope_hash;
  const std::size_t scope_bytes;
  const std::string scope_text;  // empty when longer than kScopeBytesInMemory

  // Live entries plus writes on their way: a partition with 0 can be dropped.
  std::atomic<std::int64_t> in_use{0};

  // Its row is in storage: set after the first write that carried it.
  std::atomic<bool> stored{false};

  // Null in a namespace without vectors.
  std::unique_ptr<PartitionIndex> index;
};

}  // namespace nearhit
