#include "engine/cache/sieve_policy.h"

#include <iterator>

namespace nearhit {

void SievePolicy::OnInsert(EntryId id) {
  MutexLock lock(&mu_);
  if (nodes_.Find(id.value) != nullptr) {
    return;
  }
  queue_.push_front({.id = id});
  nodes_[id.value] = queue_.begin();
}

void SievePolicy::OnHit(EntryId id) {
  MutexLock lock(&mu_);
  if (const auto* const found = nodes_.Find(id.value); found != nullptr) {
    (*found)->visited = true;
  }
}

void SievePolicy::OnErase(EntryId id) {
  MutexLock lock(&mu_);
  if (const auto* const found = nodes_.Find(id.value); found != nullptr) {
    Remove(*found);
  }
}

void SievePolicy::Remove(Queue::iterator node) {
  if (hand_ == node) {
    // The hand goes on towards the newest; past it, it starts at the oldest again.
    hand_ = node == queue_.begin() ? queue_.end() : std::prev(node);
  }
  nodes_.Erase(node->id.value);
  queue_.erase(node);
}

std::optional<EntryId> SievePolicy::Victim() {
  MutexLock lock(&mu_);
  if (queue_.empty()) {
    return std::nullopt;
  }
  for (int step = 0;; ++step) {
    if (hand_ == queue_.end()) {
      hand_ = std::prev(queue_.end());
    }
    if (!hand_->visited || step >= kMaxSteps) {
      const EntryId victim = hand_->id;
      Remove(hand_);
      return victim;
    }
    hand_->visited = false;
    hand_ = hand_ == queue_.begin() ? queue_.end() : std::prev(hand_);
  }
}

std::size_t SievePolicy::size() const {
  MutexLock lock(&mu_);
  return nodes_.size();
}

}  // namespace nearhit
