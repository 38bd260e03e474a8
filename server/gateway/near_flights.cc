#include "server/gateway/near_flights.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/normalize.h"

namespace nearhit::server {

NearFlights::Lead::Lead(std::shared_ptr<NearFlights> table, std::shared_ptr<Entry> entry)
    : table_(std::move(table)), entry_(std::move(entry)) {
}

NearFlights::Lead::~Lead() {
  table_->End(entry_);
}

NearFlights::Joined NearFlights::Join(const Prompt& prompt, std::function<void()> wake) {
  auto own = std::make_shared<Entry>();
  own->scope = prompt.scope;
  own->slot = prompt.slot;
  own->unit.assign(prompt.vector.begin(), prompt.vector.end());
  if (!NormalizeFor(Metric::kCosine, own->unit)) {
    return {};
  }
  {
    MutexLock lock(&mu_);
    Forget(std::chrono::steady_clock::now());
    const std::shared_ptr<Entry> near = FindNear(*own, prompt);
    if (near == nullptr) {
      by_scope_[own->scope].push_back(own);
      return {.lead = std::make_shared<Lead>(shared_from_this(), own)};
    }
    if (!near->ended && near->slot == own->slot) {
      return {};
    }
    if (!near->ended) {
      near->waiting.push_back(std::move(wake));
      return {.waits = true};
    }
  }
  wake();
  return {.waits = true};
}

// The same text first: its call is shared as it comes.
std::shared_ptr<NearFlights::Entry> NearFlights::FindNear(const Entry& own,
                                                          const Prompt& prompt) const {
  const auto found = by_scope_.find(own.scope);
  if (found == by_scope_.end()) {
    return nullptr;
  }
  std::shared_ptr<Entry> near;
  for (const std::shared_ptr<Entry>& other : found->second) {
    if (other->ended && other->end <= prompt.looked_up) {
      continue;
    }
    if (other->slot == own.slot) {
      return other;
    }
    const auto size = static_cast<std::ptrdiff_t>(std::min(own.unit.size(), other->unit.size()));
    if (near == nullptr && std::transform_reduce(own.unit.begin(), own.unit.begin() + size,
                                                 other->unit.begin(), 0.0F) >= prompt.threshold) {
      near = other;
    }
  }
  return near;
}

void NearFlights::End(const std::shared_ptr<Entry>& entry) {
  std::vector<std::function<void()>> waiting;
  {
    MutexLock lock(&mu_);
    entry->ended = true;
    entry->end = std::chrono::steady_clock::now();
    waiting.swap(entry->waiting);
    ended_.push_back(entry);
    Forget(entry->end);
  }
  for (const std::function<void()>& wake : waiting) {
    wake();
  }
}

void NearFlights::Forget(TimePoint now) {
  while (!ended_.empty() && ended_.front()->end + memory_ < now) {
    const auto found = by_scope_.find(ended_.front()->scope);
    std::erase(found->second, ended_.front());
    if (found->second.empty()) {
      by_scope_.erase(found);
    }
    ended_.pop_front();
  }
}

}  // namespace nearhit::server
