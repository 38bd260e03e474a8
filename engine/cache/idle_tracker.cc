#include "engine/cache/idle_tracker.h"

namespace nearhit {

void IdleTracker::Touch(EntryId id, std::int64_t now_us) {
  MutexLock lock(&mu_);
  const auto* const found = nodes_.Find(id.value);
  if (found == nullptr) {
    by_time_.push_back({.id = id, .read_us = now_us});
    nodes_[id.value] = std::prev(by_time_.end());
    return;
  }
  (*found)->read_us = now_us;
  by_time_.splice(by_time_.end(), by_time_, *found);
}

void IdleTracker::Erase(EntryId id) {
  MutexLock lock(&mu_);
  if (const auto* const found = nodes_.Find(id.value); found != nullptr) {
    by_time_.erase(*found);
    nodes_.Erase(id.value);
  }
}

void IdleTracker::Clear() {
  MutexLock lock(&mu_);
  by_time_.clear();
  nodes_.Clear();
}

bool IdleTracker::IdleSince(EntryId id, std::int64_t before_us) const {
  MutexLock lock(&mu_);
  const auto* const found = nodes_.Find(id.value);
  return found != nullptr && (*found)->read_us <= before_us;
}

std::vector<EntryId> IdleTracker::Idle(std::int64_t before_us, std::size_t limit) const {
  MutexLock lock(&mu_);
  std::vector<EntryId> idle;
  for (const Node& node : by_time_) {
    if (node.read_us > before_us || idle.size() == limit) {
      break;
    }
    idle.push_back(node.id);
  }
  return idle;
}

}  // namespace nearhit
