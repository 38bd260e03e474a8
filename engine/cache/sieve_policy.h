// SIEVE (Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024): a queue in order of insertion, one
// visited bit an entry and a hand that walks from the oldest to the newest, clearing bits and
// evicting the first entry without one. A hit only sets a bit; a scan of new prompts passes through
// without displacing what is asked for again.
#pragma once

#include <cstdint>
#include <list>

#include "base/mutex.h"
#include "engine/cache/eviction_policy.h"
#include "engine/collection/segmented_map.h"

namespace nearhit {

class SievePolicy final : public EvictionPolicy {
 public:
  void OnInsert(EntryId id) override;
  void OnHit(EntryId id) override;
  void OnErase(EntryId id) override;
  std::optional<EntryId> Victim() override;
  std::size_t size() const override;

 private:
  struct Node {
    EntryId id;
    bool visited = false;
  };
  using Queue = std::list<Node>;

  // Steps of the hand per victim: bounds the time under the lock when every entry was visited.
  static constexpr int kMaxSteps = 1'024;

  void Remove(Queue::iterator node) NEARHIT_REQUIRES(mu_);

  mutable Mutex mu_;
  Queue queue_ NEARHIT_GUARDED_BY(mu_);  // newest first
  SegmentedMap<std::uint64_t, Queue::iterator> nodes_ NEARHIT_GUARDED_BY(mu_);
  Queue::iterator hand_ NEARHIT_GUARDED_BY(mu_) = queue_.end();  // end(): start at the oldest
};

}  // namespace nearhit
