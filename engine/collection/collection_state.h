// What the parts of a collection share: where it is stored, and what memory holds of it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "base/hash.h"
#include "engine/collection/collection_types.h"
#include "engine/collection/entry_table.h"
#include "engine/collection/id_allocator.h"
#include "engine/collection/key_locks.h"
#include "engine/collection/long_scopes.h"
#include "engine/collection/partition.h"
#include "engine/collection/partition_directory.h"
#include "engine/collection/scope_hasher.h"
#include "engine/storage/kv_store.h"

namespace nearhit {

// Thread-safety: the first are constant, the others synchronize themselves.
struct CollectionState {
  // Of long scopes that are kept in memory.
  static constexpr std::size_t kLongScopeBytes = std::size_t{16} << 20;

  CollectionState(KvStore* entry_store, const Clock* entry_clock, IdAllocator* entry_ids,
                  const HashSecret& secret, const CollectionOptions& collection_options,
                  const IndexShape& shape)
      : store(entry_store),
        clock(entry_clock),
        ids(entry_ids),
        options(collection_options),
        hasher(secret, collection_options.key_number == 0 ? collection_options.ns
                                                          : collection_options.key_number),
        partitions(shape),
        long_scopes(kLongScopeBytes) {}
  ~CollectionState() = default;
  CollectionState(const CollectionState&) = delete;
  CollectionState& operator=(const CollectionState&) = delete;

  KvStore* const store;
  const Clock* const clock;
  IdAllocator* const ids;
  const CollectionOptions options;
  const ScopeHasher hasher;
  // Written by CollectionLoader only; see CollectionStats.
  std::uint64_t from_snapshots = 0;
  std::uint64_t damaged = 0;

  EntryTable table;
  PartitionDirectory partitions;
  KeyLocks key_locks;
  LongScopes long_scopes;
};

}  // namespace nearhit
