// The semantic cache of one namespace: exact tier, threshold decision, TTL and budget over a
// collection. engine/database gives it out behind nearhit::SemanticCache. Design:
// docs/architecture.md.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/fault_log.h"
#include "base/mutex.h"
#include "engine/cache/circuit_breaker.h"
#include "engine/cache/embed_texts.h"
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
  // `collection` and `clock` must outlive the cache. `embedder` may be null; so may `faults`, which
  // is told how calls of the embedder end.
  Cache(Collection* collection, const Clock* clock, std::shared_ptr<const Embedder> embedder,
        const NamespaceConfig& config, std::shared_ptr<FaultLog> faults = nullptr);
  // The cache that comes after `before`, over a collection of the same ids: what is known of the
  // order of eviction and of reads goes on, and so do the counters.
  Cache(Collection* collection, const Cache& before, std::shared_ptr<const Embedder> embedder,
        const NamespaceConfig& config);

  // While it lives no entry comes or goes. Writes wait, lookups do not.
  class SCOPED_CAPABILITY WritePause {
   public:
    explicit WritePause(Cache* cache) ACQUIRE(cache->writes_mu_) : cache_(cache) {
      cache_->writes_mu_.Lock();
    }
    ~WritePause() RELEASE() { cache_->writes_mu_.Unlock(); }
    WritePause(const WritePause&) = delete;
    WritePause& operator=(const WritePause&) = delete;

    // Another cache has taken over: writes that wait, and all that come later, get kAborted and are
    // to be made there.
    void Retire() NO_THREAD_SAFETY_ANALYSIS { cache_->retired_ = true; }

   private:
    Cache* const cache_;
  };

  Result<std::vector<LookupResult>> Lookup(std::span<const Prompt> prompts,
                                           const LookupOptions& options);
  Result<std::vector<StoreResult>> Store(std::span<const StoreRequest> requests);
  Result<std::vector<EntryId>> Erase(std::span<const EntryId> ids, bool sync);
  Result<InvalidateResult> Invalidate(const InvalidateRequest& request);
  Result<Entry> Get(EntryId id) const;
  Result<ScanPage> Scan(EntryId after, std::size_t limit) const;

  // Reclaims what has expired, moves toward the budget and gives entries their vectors that were
  // stored while the embedder failed; bounded work per call. Leaves a retired cache alone. Ends
  // early, with OK, once `stop` (which may be null) is set.
  Status Maintain(const std::atomic<bool>* stop);

  // What may change while the namespace lives: threshold, TTLs, budget, durability, embedder of the
  // same identity.
  void Configure(const NamespaceConfig& config, std::shared_ptr<const Embedder> embedder);
  // As above, with the embedder that it has.
  void Configure(const NamespaceConfig& config);
  NamespaceConfig config() const;
  std::shared_ptr<const Embedder> embedder() const;                             // may be null
  const std::shared_ptr<FaultLog>& embedder_faults() const { return faults_; }  // may be null
  // embedder.Embed(), and what `faults` (may be null) should know of it.
  static Result<std::vector<float>> Ask(const Embedder& embedder,
                                        std::span<const std::string_view> texts,
                                        std::chrono::steady_clock::time_point deadline,
                                        BatchLimit* limit, FaultLog* faults);

  // Adds what this cache has counted.
  void AddStats(NamespaceStats* stats) const;

 private:
  struct Live {  // the parts of the configuration that calls read, taken together
    NamespaceConfig config;
    std::shared_ptr<const Embedder> embedder;
    std::shared_ptr<CircuitBreaker> breaker;  // of the embedder, as the next
    std::shared_ptr<BatchLimit> limit;
  };
  // Of an embedder that may wait.
  enum class Asking : std::uint8_t {
    kAnyway,      // by a store: without a vector its entry would be found by its exact text only
    kUnlessDown,  // by a lookup, which somebody waits for
    kBeside,      // by maintenance: as kUnlessDown, and a failure is nobody else's
    kNot,         // by one that may not wait
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
  // What is known of the entries beside their contents.
  struct Memory {
    std::unique_ptr<EvictionPolicy> policy;
    IdleTracker idle;
    Counters counters;
  };

  std::shared_ptr<const Live> live() const;

  // Lookup, in order.
  Result<bool> Unreadable(const LookupOptions& options, const Status& status, LookupResult* result);
  Result<bool> TryExact(const Live& live, const LookupOptions& options, const Prompt& prompt,
                        LookupResult* result);
  Result<bool> TrySemantic(const Live& live, const LookupOptions& options, const Prompt& prompt,
                           VectorView vector, LookupResult* result);
  enum class Outcome : std::uint8_t {
    kServed,
    kTooFar,   // the best candidate that is left is below the threshold
    kDeleted,  // a candidate was deleted since it was found; another may have taken its place
    kNone,     // no candidate can be served
  };
  Result<Outcome> ServeBest(const Live& live, const LookupOptions& options,
                            std::span<const ScoredEntry> candidates, float threshold,
                            LookupResult* result);
  bool Serve(const Live& live, HitKind kind, float score, StoredEntry entry, LookupResult* result);
  bool IsIdle(const Live& live, EntryId id) const;
  void Count(const LookupResult& result);

  // Whether making the vectors that are wanted may wait. Not for an embedder that is down: it is
  // not asked.
  static bool MayWait(const Live& live, std::span<const Prompt> prompts,
                      const std::vector<bool>& wanted,
                      std::chrono::steady_clock::time_point deadline);
  Result<std::vector<float>> Embed(const Live& live, std::span<const std::string_view> texts,
                                   std::chrono::steady_clock::time_point deadline,
                                   Asking asking) const;
  struct PromptVectors {
    std::vector<std::vector<float>> rows;  // one a prompt, empty where there is none
    std::vector<bool> asked;               // for which the embedder gave its answer
    bool embedder_failed = false;          // prompts that brought a vector have it all the same
  };
  PromptVectors Vectors(const Live& live, std::span<const Prompt> prompts,
                        const std::vector<bool>& wanted,
                        std::chrono::steady_clock::time_point deadline, Asking asking);

  static std::vector<PutRequest> ToPuts(const NamespaceConfig& config,
                                        std::span<const StoreRequest> requests,
                                        const PromptVectors& vectors, std::int64_t now_us);
  // A prompt that is stored already keeps its vector when the embedder makes none now.
  void KeepVectors(const NamespaceConfig& config, std::span<const StoreRequest> requests,
                   PromptVectors* vectors) const;
  // Makes room for `puts`; returns how many entries left.
  Result<std::uint32_t> MakeRoom(const Live& live, std::span<const PutRequest> puts);
  std::vector<EntryId> Victims(Collection::Size size,
                               const std::function<bool(const Collection::Size&)>& over);
  // Where FillVectors is; cache_fill.cc.
  struct Filling {
    Mutex mu;
    std::size_t page GUARDED_BY(mu) = 1;        // texts
    std::size_t begin GUARDED_BY(mu) = 0;       // among those that want a vector
    std::uint32_t failures GUARDED_BY(mu) = 0;  // in a row
    std::uint32_t rest GUARDED_BY(mu) = 0;      // rounds until the next try
  };
  // Makes vectors for entries that were stored while the embedder made none.
  Status FillVectors(const Live& live) EXCLUDES(filling_.mu);
  // Of some of them. False when there is no use in going on now.
  Result<bool> FillSome(const Live& live, std::span<const EntryId> ids);
  // kAborted once retired.
  Status CheckCurrent() const REQUIRES_SHARED(writes_mu_);
  Result<std::vector<EntryId>> ExpiredIds(const Live& live) const;
  void Forget(EntryId id);
  void TrackAgain(std::span<const EntryId> victims);
  Result<Entry> ToEntry(StoredEntry stored) const;
  Result<std::vector<EntryId>> Matching(const InvalidateRequest& request) const;

  Collection* const collection_;
  const Clock* const clock_;
  const std::shared_ptr<Memory> memory_;
  EvictionPolicy* const policy_;  // these three: of memory_
  IdleTracker& idle_;
  Counters& counters_;
  const std::shared_ptr<FaultLog> faults_;  // of embedders; may be null

  Filling filling_;

  // Held shared by what writes entries, from its first look at them to its end.
  SharedMutex writes_mu_;
  bool retired_ GUARDED_BY(writes_mu_) = false;

  mutable Mutex live_mu_;
  std::shared_ptr<const Live> live_ GUARDED_BY(live_mu_);
};

}  // namespace nearhit
