#include "engine/collection/long_scopes.h"

#include <utility>

namespace nearhit {

LongScopes::Text LongScopes::Find(PartitionNumber partition) {
  MutexLock lock(&mu_);
  const auto found = kept_.find(partition);
  if (found == kept_.end()) {
    return nullptr;
  }
  found.value().used = true;
  return found->second.text;
}

void LongScopes::Keep(PartitionNumber partition, Text text) {
  MutexLock lock(&mu_);
  if (text->size() > max_bytes_ || kept_.contains(partition)) {
    return;
  }
  while (bytes_ + text->size() > max_bytes_) {
    const PartitionNumber oldest = order_.front();
    order_.pop_front();
    const auto at = kept_.find(oldest);
    if (std::exchange(at.value().used, false)) {
      order_.push_back(oldest);
    } else {
      bytes_ -= at->second.text->size();
      kept_.erase(at);
    }
  }
  bytes_ += text->size();
  order_.push_back(partition);
  kept_.emplace(partition, Kept{.text = std::move(text)});
}

std::size_t LongScopes::bytes() const {
  MutexLock lock(&mu_);
  return bytes_;
}

}  // namespace nearhit
