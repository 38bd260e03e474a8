#include "server/gateway/recent_requests.h"

#include <utility>

namespace nearhit::server {

void RecentRequests::Add(std::string id, RecentRequest request) {
  MutexLock lock(&mu_);
  bytes_ += BytesOf(request);
  ids_.push_back(id);
  by_id_.insert_or_assign(std::move(id), std::move(request));
  while (!ids_.empty() && (ids_.size() > kMost || bytes_ > kMostBytes)) {
    const auto oldest = by_id_.find(ids_.front());
    if (oldest != by_id_.end()) {
      bytes_ -= BytesOf(oldest->second);
      by_id_.erase(oldest);
    }
    ids_.pop_front();
  }
}

std::optional<RecentRequest> RecentRequests::Find(std::string_view id) const {
  MutexLock lock(&mu_);
  const auto found = by_id_.find(std::string(id));
  return found == by_id_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace nearhit::server
