#include "engine/cache/cache.h"

#include <utility>

#include "engine/cache/lookup_pipeline.h"
#include "engine/cache/sieve_policy.h"

namespace nearhit {

Cache::Cache(Collection* collection, const Clock* clock, std::shared_ptr<LabelBook> labels,
             std::shared_ptr<const Embedder> embedder, const NamespaceConfig& config,
             std::shared_ptr<FaultLog> faults, MakeServingPolicy make_policy)
    : collection_(collection),
      clock_(clock),
      tracking_(
          std::make_shared<EntryTracking>(std::make_unique<SievePolicy>(), std::move(labels))),
      policy_(tracking_->policy.get()),
      idle_(tracking_->idle),
      counters_(tracking_->counters),
      settings_({.labels = tracking_->labels,
                 .traffic = tracking_->traffic,
                 .faults = std::move(faults),
                 .make_policy = std::move(make_policy)},
                config, std::move(embedder)),
      filler_(collection, [this](auto additions) { return AddVectors(additions); }) {
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
      settings_(before.settings_.sources(), config, std::move(embedder)),
      filler_(collection, [this](auto additions) { return AddVectors(additions); }) {
}

void Cache::Configure(const NamespaceConfig& config) {
  const std::shared_ptr<EmbedderService> service = embedder();
  Configure(config, service == nullptr ? nullptr : service->embedder());
}

void Cache::Configure(const NamespaceConfig& config, std::shared_ptr<const Embedder> embedder) {
  const auto before = settings_.Configure(config, std::move(embedder));
  if (config.idle_ttl_ms == 0) {
    idle_.Clear();
  } else if (before->config.idle_ttl_ms == 0) {
    const std::int64_t now_us = clock_->SteadyMicros();
    for (const EntryId id : collection_->Ids()) {
      idle_.Touch(id, now_us);
    }
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
  const std::shared_ptr<const CacheSettings> now = settings_.now();
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
  const std::shared_ptr<const CacheSettings> now = settings_.now();
  return LookupPipeline(collection_, clock_, tracking_.get(), now.get(), &options).Run({lookup, 1});
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
  return settings_.now()->config;
}

std::shared_ptr<EmbedderService> Cache::embedder() const {
  return settings_.now()->embedder;
}

void Cache::AddStats(NamespaceStats* stats) const {
  counters_.AddTo(stats);
  if (const std::shared_ptr<const CacheSettings> now = settings_.now(); now->embedder != nullptr) {
    const EmbedderStats embedder = now->embedder->embedder()->stats();
    stats->embedder_memo_hits = embedder.memo_hits;
    stats->embedder_memo_misses = embedder.memo_misses;
  }
}

}  // namespace nearhit
