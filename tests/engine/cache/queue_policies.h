// The two simplest policies, as further witnesses of the contract of EvictionPolicy: a hit changes
// nothing, or it changes the order.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>

#include "base/mutex.h"
#include "engine/cache/eviction_policy.h"

namespace nearhit {

enum class HitMoves : bool { kNothing, kToTheEnd };

template <HitMoves kHitMoves>
class QueuePolicy final : public EvictionPolicy {
 public:
  void OnInsert(EntryId id) override {
    MutexLock lock(&mu_);
    if (std::find(queue_.begin(), queue_.end(), id) == queue_.end()) {
      queue_.push_back(id);
    }
  }
  void OnHit(EntryId id) override {
    MutexLock lock(&mu_);
    if (kHitMoves == HitMoves::kToTheEnd && std::erase(queue_, id) > 0) {
      queue_.push_back(id);
    }
  }
  void OnErase(EntryId id) override {
    MutexLock lock(&mu_);
    std::erase(queue_, id);
  }
  std::optional<EntryId> Victim() override {
    MutexLock lock(&mu_);
    if (queue_.empty()) {
      return std::nullopt;
    }
    const EntryId oldest = queue_.front();
    queue_.pop_front();
    return oldest;
  }
  std::size_t size() const override {
    MutexLock lock(&mu_);
    return queue_.size();
  }

 private:
  mutable Mutex mu_;
  std::deque<EntryId> queue_ NEARHIT_GUARDED_BY(mu_);  // the next victim first
};

using FifoPolicy = QueuePolicy<HitMoves::kNothing>;
using LruPolicy = QueuePolicy<HitMoves::kToTheEnd>;

}  // namespace nearhit
