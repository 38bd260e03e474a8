// Decides which entry leaves when a namespace is over its budget. Small on purpose: order only; budgets are
// counted by the cache.
#pragma once

#include <cstddef>
#include <optional>

#include "nearhit/types.h"

namespace nearhit {

// Thread-safety: thread-safe; every call is short and does no I/O.
class EvictionPolicy {
 public:
  virtual ~EvictionPolicy() = default;
  EvictionPolicy(const EvictionPolicy&) = delete;
  EvictionPolicy& operator=(const EvictionPolicy&) = delete;

  virtual void OnInsert(EntryId id) = 0;
  virtual void OnHit(EntryId id) = 0;
  virtual void OnErase(EntryId id) = 0;  // ids that are not tracked are ignored

  // The entry to evict next, no longer tracked from now on; nothing when none is tracked.
  virtual std::optional<EntryId> Victim() = 0;

  virtual std::size_t size() const = 0;

 protected:
  EvictionPolicy() = default;
};

}  // namespace nearhit
