// The semantic cache of one namespace: exact tier, threshold decision, TTL and budget over a
// collection. engine/database gives it out behind nearhit::SemanticCache. Design:
// docs/architecture.md.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "engine/cache/eviction_policy.h"
#include "engine/cache/idle_tracker.h"
#include "engine/collection/collection.h"
#include "nearhit/embedder.h"
#include "nearhit/options.h"
#include "nearhit/semantic_cache.h"
#include "nearhit/stats.h"

namespace nearhit {

// Thread-safety: thread-safe. Requests have been validated by the caller
// (engine/database/validate.h).
class Cache {
 public:
  // `collection` and `clock` must outlive the cache. `embedder` may be null.
  Cache(Collection* collection, const Clock* clock, std::shared_ptr<const Embedder> embedder,
        const NamespaceConfig& config);

  Result<std::vector<LookupResult>> Lookup(std::span<const Prompt> prompts,
                                           const LookupOptions& options);
  Result<std::vector<StoreResult>> Store(std::span<const StoreRequest> requests);
  Result<std::vector<EntryId>> Erase(std::span<const EntryId> ids, bool sync);
  Result<InvalidateResult> Invalidate(const InvalidateRequest& request);
  Result<Entry> Get(EntryId id) const;
  Result<ScanPage> Scan(EntryId after, std::size_t limit) const;

  // Reclaims what has expired and moves toward the budget; bounded work per call.
  Status Maintain();

  // What may change while the namespace lives: threshold, TTLs, budget, durability, embedder of the
  // same identity.
  void Configure(const NamespaceConfig& config, std::shared_ptr<const Embedder> embedder);
  NamespaceConfig config() const;
  std::shared_ptr<const Embedder> embedder() const;  // may be null

  // Adds what this cache has counted.
  void AddStats(NamespaceStats* stats) const;

 private:
  struct Live {  // the parts of the configuration that calls read, taken together
    NamespaceConfig config;
    std::shared_ptr<const Embedder> embedder;
  };
  struct Counters {
    std::atomic<std::uint64_t> exact_hits{0};
    std::atomic<std::uint64_t> semantic_hits{0};
    std::atomic<std::uint64_t> misses{0};
    std::atomic<std::uint64_t> stores{0};
    std::atomic<std::uint64_t> deletes{0};
    std::atomic<std::uint64_t> evictions{0};
    std::atomic<std::uint64_t> expirations{0};
    std::atomic<std::uint64_t> embed_failures{0};
    std::atomic<std::uint64_t> texts_not_read{0};
    std::atomic<std::uint64_t> read_errors{0};
  };
  class Query;  // one prompt on its way through a lookup

  std::shared_ptr<const Live> live() const;

  // Lookup, in order.
  Result<bool> TryExact(const Live& live, const LookupOptions& options, const Prompt& prompt,
                        LookupResult* result);
  Result<bool> TrySemantic(const Live& live, const LookupOptions& options, const Prompt& prompt,
                           VectorView vector, LookupResult* result);
  bool Serve(const Live& live, HitKind kind, float score, StoredEntry entry, LookupResult* result);
  bool IsIdle(const Live& live, EntryId id) const;
  void Count(const LookupResult& result);

  // Vectors for the prompts that brought none: row per prompt, empty where there is none.
  Result<std::vector<std::vector<float>>> Vectors(const Live& live, std::span<const Prompt> prompts,
                                                  const std::vector<bool>& wanted,
                                                  std::chrono::steady_clock::time_point deadline);

  // Makes room for `entries` and `bytes` more; returns how many left.
  Result<std::uint32_t> MakeRoom(const Live& live, std::uint64_t entries, std::uint64_t bytes);
  void Forget(EntryId id);
  Result<Entry> ToEntry(StoredEntry stored) const;
  Result<std::vector<EntryId>> Matching(const InvalidateRequest& request) const;

  Collection* const collection_;
  const Clock* const clock_;
  std::unique_ptr<EvictionPolicy> policy_;
  IdleTracker idle_;
  Counters counters_;

  mutable Mutex live_mu_;
  std::shared_ptr<const Live> live_ GUARDED_BY(live_mu_);
};

}  // namespace nearhit
