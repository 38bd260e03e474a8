// What is known of a cache's entries besides their contents.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "engine/cache/eviction_policy.h"
#include "engine/cache/idle_tracker.h"
#include "engine/cache/label_book.h"
#include "engine/collection/stat_counters.h"
#include "engine/policy/traffic.h"
#include "nearhit/options.h"
#include "nearhit/types.h"

namespace nearhit {

// Thread-safety: thread-safe.
struct EntryTracking {
  EntryTracking(std::unique_ptr<EvictionPolicy> evicts, std::shared_ptr<LabelBook> book)
      : policy(std::move(evicts)), labels(std::move(book)) {}

  // Whether the entry was not read for longer than the configuration allows.
  bool IsIdle(EntryId id, const NamespaceConfig& config, const Clock& clock) const {
    return config.idle_ttl_ms > 0 &&
           idle.IdleSince(id, clock.SteadyMicros() - config.idle_ttl_ms * 1'000);
  }

  const std::unique_ptr<EvictionPolicy> policy;
  IdleTracker idle;
  StatCounters counters;
  const std::shared_ptr<LabelBook> labels;
  const std::shared_ptr<Traffic> traffic = std::make_shared<Traffic>();
};

}  // namespace nearhit
