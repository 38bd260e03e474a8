// First in, first out: the simplest EvictionPolicy, as a second witness of the contract.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>

#include "base/mutex.h"
#include "engine/cache/eviction_policy.h"

namespace nearhit {

class FifoPolicy final : public EvictionPolicy {
 public:
  void OnInsert(EntryId id) override {
    MutexLock lock(&mu_);
    if (std::find(queue_.begin(), queue_.end(), id) == queue_.end()) {
      queue_.push_back(id);
    }
  }
  void OnHit(EntryId) override {}
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
  std::deque<EntryId> queue_ NEARHIT_GUARDED_BY(mu_);
};

}  // namespace nearhit
