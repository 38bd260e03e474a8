// When each entry was last read, for namespaces with an idle TTL. Kept in memory only: a restart
// counts as a read. Times are those of a steady clock: setting the wall clock makes nobody older.
#pragma once

#include <cstdint>
#include <list>
#include <vector>

#include "base/mutex.h"
#include "engine/collection/segmented_map.h"
#include "nearhit/types.h"

namespace nearhit {

// Thread-safety: thread-safe. Every call is O(1) but Idle, which is O(returned).
class IdleTracker {
 public:
  void Touch(EntryId id, std::int64_t now_us);
  void Erase(EntryId id);
  void Clear();
  // False for an entry that is not tracked.
  bool IdleSince(EntryId id, std::int64_t before_us) const;
  // Entries last read at or before `before_us`, longest idle first, at most `limit`; still tracked.
  std::vector<EntryId> Idle(std::int64_t before_us, std::size_t limit) const;

 private:
  struct Node {
    EntryId id;
    std::int64_t read_us = 0;
  };
  mutable Mutex mu_;
  std::list<Node> by_time_ NEARHIT_GUARDED_BY(mu_);  // longest idle first
  SegmentedMap<std::uint64_t, std::list<Node>::iterator> nodes_ NEARHIT_GUARDED_BY(mu_);
};

}  // namespace nearhit
