// What a cache is made of besides its collection: the settings that one call works with, and what
// is known of entries besides their contents.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "engine/cache/eviction_policy.h"
#include "engine/cache/idle_tracker.h"
#include "engine/collection/stat_counters.h"
#include "engine/embedding/embedder_service.h"
#include "engine/policy/serving_policy.h"
#include "nearhit/options.h"
#include "nearhit/types.h"

namespace nearhit {

// The parts of the configuration that calls read, taken together.
//
// Thread-safety: immutable.
struct CacheSettings {
  NamespaceConfig config;
  std::shared_ptr<const ServingPolicy> serving;
  std::shared_ptr<EmbedderService> embedder;  // null: callers bring the vectors
};

// Thread-safety: thread-safe.
struct EntryTracking {
  explicit EntryTracking(std::unique_ptr<EvictionPolicy> evicts) : policy(std::move(evicts)) {}

  // Whether the entry was not read for longer than the configuration allows.
  bool IsIdle(EntryId id, const NamespaceConfig& config, const Clock& clock) const {
    return config.idle_ttl_ms > 0 &&
           idle.IdleSince(id, clock.SteadyMicros() - config.idle_ttl_ms * 1'000);
  }

  const std::unique_ptr<EvictionPolicy> policy;
  IdleTracker idle;
  StatCounters counters;
};

}  // namespace nearhit
