#include "engine/cache/cache.h"

#include <utility>

#include "engine/cache/lookup_pipeline.h"
#include "engine/cache/sieve_policy.h"

namespace nearhit {

namespace {

std::shared_ptr<EmbedderService> MakeService(std::shared_ptr<const Embedder> embedder,
                                             const NamespaceConfig& config,
                                             std::shared_ptr<FaultLog> faults) {
  return embedder == nullptr
             ? nullptr
             : std::make_shared<EmbedderService>(std::move(embedder), config.embedder,
                                                 config.metric, std::move(faults));
}

}  // namespace

Cache::Cache(Collection* collection, const Clock* clock, std::shared_ptr<const Embedder> embedder,
             const NamespaceConfig& config, std::shared_ptr<FaultLog> faults,
             MakeServingPolicy make_policy)
    : collection_(collection),
      clock_(clock),
      tracking_(std::make_shared<EntryTracking>(std::make_unique<SievePolicy>())),
      policy_(tracking_->policy.get()),
      idle_(tracking_->idle),
      counters_(tracking_->counters),
      faults_(std::move(faults)),
      make_policy_(std::move(make_policy)),
      filler_(collection, [this](auto additions) { return AddVectors(additions); }) {
  Configure(config, std::move(embedder));
  const std::int64_t now_us = clock_->SteadyMicros();
  for (const EntryId id : collection->Ids()) {  // in the order of storing
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
      tracking_(before.tracking_),
      policy_(before.policy_),
      idle_(before.idle_),
      counters_(before.counters_),
      faults_(before.faults_),
      make_policy_(before.make_policy_),
      filler_(collection, [this](auto additions) { return AddVectors(additions); }),
      settings_(std::make_shared<CacheSettings>(CacheSettings{
          config, make_policy_(config), MakeService(std::move(embedder), config, faults_)})) {
}

void Cache::Configure(const NamespaceConfig& config) {
  const std::shared_ptr<EmbedderService> service = embedder();
  Configure(config, service == nullptr ? nullptr : service->embedder());
}

void Cache::Configure(const NamespaceConfig& config, std::shared_ptr<const Embedder> embedder) {
  auto next = std::make_shared<CacheSettings>(CacheSettings{config, make_policy_(config), nullptr});
  bool idle_begins = false;
  {
    MutexLock lock(&settings_mu_);
    const std::shared_ptr<EmbedderService> before =
        settings_ == nullptr ? nullptr : settings_->embedder;
    // What it has found out of the embedder stays with it.
    next->embedder = before != nullptr && before->embedder() == embedder
                         ? before
                         : MakeService(std::move(embedder), config, faults_);
    idle_begins =
        config.idle_ttl_ms > 0 && settings_ != nullptr && settings_->config.idle_ttl_ms == 0;
    settings_ = std::move(next);
  }
  if (idle_begins) {
    const std::int64_t now_us = clock_->SteadyMicros();
    for (const EntryId id : collection_->Ids()) {
      idle_.Touch(id, now_us);
    }
  } else if (config.idle_ttl_ms == 0) {
    idle_.Clear();
  }
}

Result<LookupResult> Cache::Lookup(const Prompt& prompt, const LookupOptions& options) {
  LookupState lookup(prompt);
  NEARHIT_RETURN_IF_ERROR(Advance(options, &lookup));
  return std::move(lookup.result);
}

Result<std::vector<LookupResult>> Cache::Lookup(std::span<const Prompt> prompts,
                                                const LookupOptions& options) {
  std::vector<LookupState> lookups(prompts.begin(), prompts.end());
  const std::shared_ptr<const CacheSettings> now = settings();
  NEARHIT_RETURN_IF_ERROR(
      LookupPipeline(collection_, clock_, tracking_.get(), now.get(), &options).Run(lookups));
  std::vector<LookupResult> results;
  results.reserve(lookups.size());
  for (LookupState& lookup : lookups) {
    results.push_back(std::move(lookup.result));
  }
  return results;
}

Status Cache::Advance(const LookupOptions& options, LookupState* lookup) {
  const std::shared_ptr<const CacheSettings> now = settings();
  return LookupPipeline(collection_, clock_, tracking_.get(), now.get(), &options).Run({lookup, 1});
}

std::shared_ptr<const CacheSettings> Cache::settings() const {
  MutexLock lock(&settings_mu_);
  return settings_;
}

Result<bool> Cache::AddVectors(std::span<const VectorAddition> additions) {
  const ReaderLock writing(&writes_mu_);
  if (retired_) {
    return false;
  }
  NEARHIT_RETURN_IF_ERROR(collection_->AddVectors(additions).status());
  return true;
}

NamespaceConfig Cache::config() const {
  return settings()->config;
}

std::shared_ptr<EmbedderService> Cache::embedder() const {
  return settings()->embedder;
}

void Cache::AddStats(NamespaceStats* stats) const {
  counters_.AddTo(stats);
  if (const std::shared_ptr<const CacheSettings> now = settings(); now->embedder != nullptr) {
    const EmbedderStats embedder = now->embedder->embedder()->stats();
    stats->embedder_memo_hits = embedder.memo_hits;
    stats->embedder_memo_misses = embedder.memo_misses;
  }
}

}  // namespace nearhit
