// The semantic cache of one namespace: exact tier, candidates by meaning, TTL and budget over a
// collection. engine/database gives it out behind nearhit::SemanticCache. Design:
// docs/architecture.md.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/fault_log.h"
#include "base/mutex.h"
#include "engine/cache/cache_settings.h"
#include "engine/cache/entry_tracking.h"
#include "engine/cache/lookup_state.h"
#include "engine/cache/vector_filler.h"
#include "engine/collection/collection.h"
#include "engine/policy/policy_factory.h"
#include "nearhit/embedder.h"
#include "nearhit/label.h"
#include "nearhit/options.h"
#include "nearhit/semantic_cache.h"
#include "nearhit/stats.h"

namespace nearhit {

// Thread-safety: thread-safe. Requests have been validated by the caller
// (engine/database/validate.h).
class Cache {
 public:
  // `collection` and `clock` must outlive the cache. `embedder` may be null; so may `faults`, which
  // is told how calls of the embedder end. `make_policy` is called for each configuration, and when
  // there is more to learn of the labels.
  Cache(Collection* collection, const Clock* clock, std::shared_ptr<LabelBook> labels,
        std::shared_ptr<const Embedder> embedder, const NamespaceConfig& config,
        std::shared_ptr<FaultLog> faults = nullptr, MakeServingPolicy make_policy = MakePolicy);
  // The cache that comes after `before`, over a collection of the same ids: what is known of the
  // order of eviction and of reads goes on, and so do the counters.
  Cache(Collection* collection, const Cache& before, std::shared_ptr<const Embedder> embedder,
        const NamespaceConfig& config);

  // While it lives no entry comes or goes. Writes wait, lookups do not.
  class NEARHIT_SCOPED_CAPABILITY WritePause {
   public:
    explicit WritePause(Cache* cache) NEARHIT_ACQUIRE(cache->writes_mu_) : cache_(cache) {
      cache_->writes_mu_.Lock();
    }
    ~WritePause() NEARHIT_RELEASE() { cache_->writes_mu_.Unlock(); }
    WritePause(const WritePause&) = delete;
    WritePause& operator=(const WritePause&) = delete;

    // Another cache has taken over: writes that wait, and all that come later, get kAborted and are
    // to be made there.
    void Retire() NEARHIT_NO_THREAD_SAFETY_ANALYSIS { cache_->retired_ = true; }

   private:
    Cache* const cache_;
  };

  Result<std::vector<LookupResult>> Lookup(std::span<const Prompt> prompts,
                                           const LookupOptions& options);
  Result<LookupResult> Lookup(const Prompt& prompt, const LookupOptions& options);
  // The same in steps. kWouldBlock under options.non_blocking: `lookup` goes on where it stopped
  // with the next call, of the same cache.
  Status Advance(const LookupOptions& options, LookupState* lookup);
  Result<std::vector<StoreResult>> Store(std::span<const StoreRequest> requests);
  Result<std::vector<EntryId>> Erase(std::span<const EntryId> ids, bool sync);
  Result<InvalidateResult> Invalidate(const InvalidateRequest& request);
  Result<Entry> Get(EntryId id) const;
  Result<ScanPage> Scan(EntryId after, std::size_t limit) const;
  // The pair counts from the next lookup on, what else is learnt of it from the next Maintain() on.
  Result<LabelResult> Label(const LabelRequest& request);
  PolicyReport Report() const;

  // Reclaims what has expired, moves toward the budget, learns of the labels and gives entries
  // their vectors that were stored while the embedder failed; bounded work per call. Leaves a
  // retired cache alone. Ends early, with OK, once `stop` (which may be null) is set.
  Status Maintain(const std::atomic<bool>* stop);

  // What may change while the namespace lives: threshold, TTLs, budget, durability, embedder of the
  // same identity.
  void Configure(const NamespaceConfig& config, std::shared_ptr<const Embedder> embedder);
  // As above, with the embedder that it has.
  void Configure(const NamespaceConfig& config);
  NamespaceConfig config() const;
  std::shared_ptr<EmbedderService> embedder() const;  // may be null
  LabelBook& labels() const { return *tracking_->labels; }

  // Adds what this cache has counted.
  void AddStats(NamespaceStats* stats) const;

 private:
  // Of the prompts of a store; empty where there is none.
  struct StoreVectors {
    std::vector<std::vector<float>> rows;  // one a prompt
    std::vector<bool> unreadable;          // the embedder has none for the text
  };
  StoreVectors MakeStoreVectors(const CacheSettings& settings,
                                std::span<const StoreRequest> requests,
                                std::chrono::steady_clock::time_point deadline);
  static std::vector<PutRequest> ToPuts(const NamespaceConfig& config,
                                        std::span<const StoreRequest> requests,
                                        const StoreVectors& vectors, std::int64_t now_us);
  // A prompt that is stored already keeps its vector when the embedder makes none now.
  void KeepVectors(const NamespaceConfig& config, std::span<const StoreRequest> requests,
                   StoreVectors* vectors) const;
  // Makes room for `puts`; returns how many entries left.
  Result<std::uint32_t> MakeRoom(const CacheSettings& settings, std::span<const PutRequest> puts);
  std::vector<EntryId> Victims(CollectionSize size,
                               const std::function<bool(const CollectionSize&)>& over);
  // kAborted once retired.
  Status CheckCurrent() const NEARHIT_REQUIRES_SHARED(writes_mu_);
  // As VectorFiller::Add.
  Result<bool> AddVectors(std::span<const VectorAddition> additions);
  Result<std::vector<EntryId>> ExpiredIds(const CacheSettings& settings) const;
  void Forget(EntryId id);
  void TrackAgain(std::span<const EntryId> victims);
  Result<Entry> ToEntry(StoredEntry stored) const;
  Result<std::vector<EntryId>> Matching(const InvalidateRequest& request) const;

  Collection* const collection_;
  const Clock* const clock_;
  const std::shared_ptr<EntryTracking> tracking_;
  EvictionPolicy* const policy_;  // these three: of tracking_
  IdleTracker& idle_;
  StatCounters& counters_;

  SettingsKeeper settings_;
  VectorFiller filler_;

  // Held shared by what writes entries, from its first look at them to its end.
  SharedMutex writes_mu_;
  bool retired_ NEARHIT_GUARDED_BY(writes_mu_) = false;
};

}  // namespace nearhit
