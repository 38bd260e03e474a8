// Cache: lookups. Exact tier, then meaning; see docs/architecture.md#life-of-a-lookup.

#include "engine/cache/cache.h"

#include <algorithm>
#include <utility>

#include "engine/cache/sieve_policy.h"
#include "engine/collection/normalize.h"

namespace nearhit {

namespace {
// Neighbours asked for at first; more only when the nearest went away or expired a moment ago.
constexpr std::size_t kFirstNeighbors = 1;

// Between the prompts of a batch. `bytes` counts the answers of a call; one alone may have any
// size.
Status CheckBatch(const LookupOptions& options, std::size_t prompts, const LookupResult& result,
                  std::size_t* bytes) {
  if (prompts == 1) {
    return Status();
  }
  const std::size_t limit = std::min(options.max_result_bytes, kMaxResultBytes);
  *bytes += result.answer.size() + result.matched_slot.size();
  if (*bytes > limit) {
    return ResourceExhausted("the answers to " + std::to_string(prompts) + " prompts have over " +
                             std::to_string(limit) + " bytes: ask for fewer at a time");
  }
  return options.still_wanted ? options.still_wanted() : Status();
}
}  // namespace

Cache::Cache(Collection* collection, const Clock* clock, std::shared_ptr<const Embedder> embedder,
             const NamespaceConfig& config, std::shared_ptr<FaultLog> faults)
    : collection_(collection),
      clock_(clock),
      memory_(std::make_shared<Memory>()),
      policy_((memory_->policy = std::make_unique<SievePolicy>()).get()),
      idle_(memory_->idle),
      counters_(memory_->counters),
      faults_(std::move(faults)) {
  Configure(config, std::move(embedder));
  std::vector<EntryId> ids;
  ids.reserve(collection->table().size());
  collection->table().ForEach([&ids](EntryId id, const EntryState&) { ids.push_back(id); });
  std::sort(ids.begin(), ids.end());  // the order of storing
  const std::int64_t now_us = clock_->SteadyMicros();
  for (const EntryId id : ids) {
    policy_->OnInsert(id);
    if (config.idle_ttl_ms > 0) {
      idle_.Touch(id, now_us);
    }
  }
}

Cache::Cache(Collection* collection, const Cache& before, std::shared_ptr<const Embedder> embedder,
             const NamespaceConfig& config)
    : collection_(collection),
      clock_(before.clock_),
      memory_(before.memory_),
      policy_(before.policy_),
      idle_(before.idle_),
      counters_(before.counters_),
      faults_(before.faults_),
      live_(std::make_shared<Live>(Live{config, std::move(embedder),
                                        std::make_shared<CircuitBreaker>(),
                                        std::make_shared<BatchLimit>()})) {
}

void Cache::Configure(const NamespaceConfig& config) {
  Configure(config, live()->embedder);
}

void Cache::Configure(const NamespaceConfig& config, std::shared_ptr<const Embedder> embedder) {
  auto next = std::make_shared<Live>(Live{config, std::move(embedder), nullptr, nullptr});
  bool idle_begins = false;
  {
    MutexLock lock(&live_mu_);
    const bool same = live_ != nullptr && live_->embedder == next->embedder;
    next->breaker = same ? live_->breaker : std::make_shared<CircuitBreaker>();
    next->limit = same ? live_->limit : std::make_shared<BatchLimit>();
    idle_begins = config.idle_ttl_ms > 0 && live_ != nullptr && live_->config.idle_ttl_ms == 0;
    live_ = std::move(next);
  }
  if (idle_begins) {
    const std::int64_t now_us = clock_->SteadyMicros();
    collection_->table().ForEach(
        [this, now_us](EntryId id, const EntryState&) { idle_.Touch(id, now_us); });
  } else if (config.idle_ttl_ms == 0) {
    idle_.Clear();
  }
}

std::shared_ptr<const Cache::Live> Cache::live() const {
  MutexLock lock(&live_mu_);
  return live_;
}

NamespaceConfig Cache::config() const {
  return live()->config;
}

std::shared_ptr<const Embedder> Cache::embedder() const {
  return live()->embedder;
}

Result<std::vector<LookupResult>> Cache::Lookup(std::span<const Prompt> prompts,
                                                const LookupOptions& options) {
  const std::shared_ptr<const Live> now = live();
  std::vector<LookupResult> results(prompts.size());
  std::vector<bool> open(prompts.size(), false);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    NEARHIT_ASSIGN_OR_RETURN(const bool found, TryExact(*now, options, prompts[i], &results[i]));
    open[i] = !found;
    NEARHIT_RETURN_IF_ERROR(CheckBatch(options, prompts.size(), results[i], &bytes));
  }
  if (!options.exact_only) {
    if (options.only_if_fast && MayWait(*now, prompts, open, options.deadline)) {
      return Unavailable("the embedder may wait");
    }
    const PromptVectors vectors =
        Vectors(*now, prompts, open, options.deadline,
                options.only_if_fast ? Asking::kNot : Asking::kUnlessDown);
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      if (!open[i]) {
        continue;
      }
      if (vectors.embedder_failed && prompts[i].vector.empty()) {
        results[i].miss_reason = MissReason::kEmbedFailed;
      } else if (vectors.rows[i].empty()) {
        if (results[i].miss_reason != MissReason::kExpired) {
          const bool asked = now->embedder != nullptr && now->config.dimension != 0;
          results[i].miss_reason =
              asked && prompts[i].vector.empty() ? MissReason::kTextNotRead : MissReason::kNoVector;
        }
      } else {
        NEARHIT_RETURN_IF_ERROR(
            TrySemantic(*now, options, prompts[i], vectors.rows[i], &results[i]).status());
        NEARHIT_RETURN_IF_ERROR(CheckBatch(options, prompts.size(), results[i], &bytes));
      }
    }
  }
  for (const LookupResult& result : results) {
    Count(result);
  }
  return results;
}

// What cannot be read is a miss, unless it only would not be read now.
Result<bool> Cache::Unreadable(const LookupOptions& options, const Status& status,
                               LookupResult* result) {
  if (status.code() == StatusCode::kUnavailable && options.only_if_fast) {
    return status;
  }
  counters_.read_errors.fetch_add(1, std::memory_order_relaxed);
  result->miss_reason = MissReason::kReadError;
  return false;
}

// Returns whether the prompt was answered; fills the reason when not.
Result<bool> Cache::TryExact(const Live& live, const LookupOptions& options, const Prompt& prompt,
                             LookupResult* result) {
  result->miss_reason = MissReason::kEmpty;
  const ReadTier tier = options.only_if_fast ? ReadTier::kMemory : ReadTier::kAny;
  Result<std::optional<StoredEntry>> found = collection_->Find(prompt.scope, prompt.slot, tier);
  if (!found.ok()) {
    return Unreadable(options, found.status(), result);
  }
  if (!*found) {
    const Result<bool> has_scope = collection_->HasScope(prompt.scope, tier);
    if (!has_scope.ok()) {
      return Unreadable(options, has_scope.status(), result);
    }
    result->miss_reason = *has_scope ? MissReason::kBelowThreshold : MissReason::kEmpty;
    return false;
  }
  return Serve(live, HitKind::kExact, 1.0F, *std::move(*found), result);
}

Result<bool> Cache::TrySemantic(const Live& live, const LookupOptions& options,
                                const Prompt& prompt, VectorView vector, LookupResult* result) {
  const ReadTier tier = options.only_if_fast ? ReadTier::kMemory : ReadTier::kAny;
  const float threshold =
      std::max(live.config.threshold, options.min_score.value_or(live.config.threshold));
  int repeats = 0;
  for (std::size_t k = kFirstNeighbors;;) {
    bool damaged = false;
    const Result<std::vector<ScoredEntry>> candidates = collection_->Search(
        prompt.scope, vector,
        {.k = k, .min_score = threshold, .any_match = true, .tier = tier, .damaged = &damaged});
    if (!candidates.ok()) {
      return Unreadable(options, candidates.status(), result);
    }
    if (!candidates->empty()) {
      result->score = candidates->front().score;
    }
    if (damaged && (candidates->empty() || candidates->front().score < threshold)) {
      return Unreadable(options, DataLoss("a stored vector is damaged"), result);
    }
    if (candidates->empty()) {
      return false;
    }
    NEARHIT_ASSIGN_OR_RETURN(const Outcome outcome,
                             ServeBest(live, options, *candidates, threshold, result));
    if (outcome == Outcome::kDeleted && repeats++ < Collection::kMostRepeats) {
      continue;
    }
    // Everything close enough was gone or expired: look behind it.
    if (outcome == Outcome::kServed || outcome == Outcome::kTooFar || candidates->size() < k ||
        k == kMaxNeighbors) {
      return outcome == Outcome::kServed;
    }
    k = std::min(k * 4, kMaxNeighbors);
  }
}

Result<Cache::Outcome> Cache::ServeBest(const Live& live, const LookupOptions& options,
                                        std::span<const ScoredEntry> candidates, float threshold,
                                        LookupResult* result) {
  const ReadTier tier = options.only_if_fast ? ReadTier::kMemory : ReadTier::kAny;
  for (const ScoredEntry& candidate : candidates) {
    if (candidate.score < threshold) {
      result->miss_reason = result->miss_reason == MissReason::kEmpty ? MissReason::kBelowThreshold
                                                                      : result->miss_reason;
      return Outcome::kTooFar;
    }
    Result<StoredEntry> entry = collection_->Read(candidate.id, tier);
    if (entry.status().code() == StatusCode::kNotFound) {
      return Outcome::kDeleted;
    }
    if (!entry.ok()) {
      NEARHIT_RETURN_IF_ERROR(Unreadable(options, entry.status(), result).status());
      continue;
    }
    if (Serve(live, HitKind::kSemantic, candidate.score, *std::move(entry), result)) {
      return Outcome::kServed;
    }
  }
  return Outcome::kNone;
}

bool Cache::IsIdle(const Live& live, EntryId id) const {
  return live.config.idle_ttl_ms > 0 &&
         idle_.IdleSince(id, clock_->SteadyMicros() - live.config.idle_ttl_ms * 1'000);
}

// Fills the result and returns true, unless the entry is past its time.
bool Cache::Serve(const Live& live, HitKind kind, float score, StoredEntry entry,
                  LookupResult* result) {
  const std::int64_t now_us = clock_->NowMicros();
  const PayloadRecord& record = entry.record;
  if ((record.expires_us != 0 && now_us >= record.expires_us) || IsIdle(live, entry.id)) {
    result->miss_reason = MissReason::kExpired;
    return false;
  }
  result->kind = kind;
  result->miss_reason = MissReason::kNone;
  result->score = score;
  result->id = entry.id;
  result->answer = record.payload;
  result->matched_slot = record.key;
  result->metadata = {.content_type = std::string(record.content_type),
                      .model = std::string(record.model),
                      .prompt_tokens = record.prompt_tokens,
                      .answer_tokens = record.answer_tokens,
                      .cost = record.cost,
                      .tags = {record.tags.begin(), record.tags.end()}};
  result->age_ms = std::max<std::int64_t>(0, now_us - record.created_us) / 1'000;
  if (record.expires_us != 0) {
    result->ttl_left_ms = (record.expires_us - now_us) / 1'000;
  }
  policy_->OnHit(entry.id);
  if (live.config.idle_ttl_ms > 0) {
    idle_.Touch(entry.id, clock_->SteadyMicros());
  }
  return true;
}

void Cache::Count(const LookupResult& result) {
  std::atomic<std::uint64_t>& counter = result.kind == HitKind::kExact ? counters_.exact_hits
                                        : result.kind == HitKind::kSemantic
                                            ? counters_.semantic_hits
                                            : counters_.misses;
  counter.fetch_add(1, std::memory_order_relaxed);
}

void Cache::AddStats(NamespaceStats* stats) const {
  stats->exact_hits += counters_.exact_hits.load();
  stats->semantic_hits += counters_.semantic_hits.load();
  stats->misses += counters_.misses.load();
  stats->stores += counters_.stores.load();
  stats->deletes += counters_.deletes.load();
  stats->evictions += counters_.evictions.load();
  stats->expirations += counters_.expirations.load();
  stats->embed_failures += counters_.embed_failures.load();
  stats->texts_not_read += counters_.texts_not_read.load();
  stats->read_errors += counters_.read_errors.load();
  if (const std::shared_ptr<const Live> now = live(); now->embedder != nullptr) {
    const EmbedderStats embedder = now->embedder->stats();
    stats->embedder_memo_hits = embedder.memo_hits;
    stats->embedder_memo_misses = embedder.memo_misses;
  }
}

}  // namespace nearhit
