// Cache: storing, deleting, budgets and expiry.

#include <algorithm>
#include <string>
#include <utility>

#include "base/normalize.h"
#include "engine/cache/cache.h"
#include "engine/collection/scan_page.h"

namespace nearhit {

namespace {
// Ids handled per round of maintenance and of invalidation: bounds memory and the size of a batch.
constexpr std::size_t kRound = 4'096;
}  // namespace

// Without an embedder the exact tier still works: the answer is kept for the same text.
Cache::StoreVectors Cache::MakeStoreVectors(const CacheSettings& settings,
                                            std::span<const StoreRequest> requests,
                                            std::chrono::steady_clock::time_point deadline) {
  StoreVectors vectors{.rows = std::vector<std::vector<float>>(requests.size()),
                       .unreadable = std::vector<bool>(requests.size(), false)};
  std::vector<std::string_view> texts;
  std::vector<std::size_t> of_texts;  // their requests
  for (std::size_t i = 0; i < requests.size() && settings.config.dimension != 0; ++i) {
    const VectorView given = requests[i].prompt.vector;
    if (!given.empty()) {
      vectors.rows[i].assign(given.begin(), given.end());
      NormalizeFor(settings.config.metric, vectors.rows[i]);  // it has been validated
    } else if (settings.embedder != nullptr) {
      texts.push_back(requests[i].prompt.slot);
      of_texts.push_back(i);
    }
  }
  if (texts.empty()) {
    return vectors;
  }
  Result<std::vector<float>> made = settings.embedder->EmbedForIndex(
      texts, {.deadline = deadline, .admission = EmbedAdmission::kAlways});
  if (!made.ok()) {
    made.IgnoreError();  // its log has the reason; maintenance makes the vectors later
    counters_.Add<&NamespaceStats::embed_failures>(texts.size());
    return vectors;
  }
  std::span<const float> left = *made;
  for (const std::size_t i : of_texts) {
    const std::span<const float> row = left.first(settings.embedder->dimension());
    left = left.subspan(row.size());
    if (IsZero(row)) {
      vectors.unreadable[i] = true;
      counters_.Add<&NamespaceStats::texts_not_read>();
    } else {
      vectors.rows[i].assign(row.begin(), row.end());
    }
  }
  return vectors;
}

std::vector<PutRequest> Cache::ToPuts(const NamespaceConfig& config,
                                      std::span<const StoreRequest> requests,
                                      const StoreVectors& vectors, std::int64_t now_us) {
  std::vector<PutRequest> puts(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const StoreRequest& request = requests[i];
    const std::int64_t ttl_ms = request.ttl_ms.value_or(config.default_ttl_ms);
    puts[i] = {.scope = request.prompt.scope,
               .key = request.prompt.slot,
               .vector = vectors.rows[i],
               .payload = request.answer,
               .content_type = request.metadata.content_type,
               .model = request.metadata.model,
               .prompt_tokens = request.metadata.prompt_tokens,
               .answer_tokens = request.metadata.answer_tokens,
               .cost = request.metadata.cost,
               .tags = request.metadata.tags,
               .expires_us = ttl_ms == 0 ? 0 : now_us + ttl_ms * 1'000,
               .unreadable_text = vectors.unreadable[i],
               .id = {},
               .created_us = 0};
  }
  return puts;
}

// The same text, and the embedder that made the vector: it is good, though it cannot be made now.
void Cache::KeepVectors(const NamespaceConfig& config, std::span<const StoreRequest> requests,
                        StoreVectors* vectors) const {
  if (config.embedder.kind == "none" || config.dimension == 0) {
    return;
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (!vectors->rows[i].empty()) {
      continue;
    }
    const Result<EntryId> id = collection_->IdOf(requests[i].prompt.scope, requests[i].prompt.slot);
    if (!id.ok() || !*id) {
      id.IgnoreError();  // as below
      continue;
    }
    Result<std::vector<float>> kept = collection_->ReadVector(*id);
    if (kept.ok()) {
      vectors->rows[i] = *std::move(kept);
    } else {
      kept.IgnoreError();  // maintenance makes it again
    }
  }
}

Result<std::vector<StoreResult>> Cache::Store(std::span<const StoreRequest> requests) {
  const std::shared_ptr<const CacheSettings> now = settings_.now();
  auto deadline = std::chrono::steady_clock::time_point::max();
  bool sync = false;
  for (const StoreRequest& request : requests) {
    deadline = std::min(deadline, request.deadline);
    const Durability durability =
        request.durability == Durability::kDefault ? now->config.durability : request.durability;
    sync = sync || durability == Durability::kSync;
  }
  StoreVectors vectors = MakeStoreVectors(*now, requests, deadline);
  const ReaderLock writing(&writes_mu_);
  NEARHIT_RETURN_IF_ERROR(CheckCurrent());
  KeepVectors(now->config, requests, &vectors);
  const std::int64_t now_us = clock_->NowMicros();
  const std::vector<PutRequest> puts = ToPuts(now->config, requests, vectors, now_us);
  NEARHIT_ASSIGN_OR_RETURN(const std::uint32_t evicted, MakeRoom(*now, puts));
  NEARHIT_ASSIGN_OR_RETURN(const std::vector<PutResult> put, collection_->Put(puts, sync));
  std::vector<StoreResult> results(put.size());
  // Not as it was before: whoever set an idle TTL meanwhile has gone through the entries already.
  const bool tracks_idle = settings_.now()->config.idle_ttl_ms > 0;
  const std::int64_t steady_us = tracks_idle ? clock_->SteadyMicros() : 0;
  for (std::size_t i = 0; i < put.size(); ++i) {
    results[i] = {.id = put[i].id,
                  .replaced = static_cast<bool>(put[i].replaced),
                  .has_vector = !puts[i].vector.empty(),
                  .evicted = i == 0 ? evicted : 0};
    Forget(put[i].replaced);
    policy_->OnInsert(put[i].id);
    if (tracks_idle) {
      idle_.Touch(put[i].id, steady_us);
    }
  }
  counters_.Add<&NamespaceStats::stores>(put.size());
  return results;
}

Status Cache::CheckCurrent() const {
  return retired_ ? Status(StatusCode::kAborted, "the namespace has got other contents") : Status();
}

void Cache::Forget(EntryId id) {
  policy_->OnErase(id);
  idle_.Erase(id);
}

// Those that are still there can be victims again.
void Cache::TrackAgain(std::span<const EntryId> victims) {
  for (const EntryId id : victims) {
    if (collection_->Contains(id)) {
      policy_->OnInsert(id);
    }
  }
}

Result<std::uint32_t> Cache::MakeRoom(const CacheSettings& settings,
                                      std::span<const PutRequest> puts) {
  const NamespaceConfig& config = settings.config;
  const auto over = [&config](const CollectionSize& size) {
    return (config.max_entries != 0 && size.entries > config.max_entries) ||
           (config.max_bytes != 0 && size.bytes > config.max_bytes);
  };
  CollectionSize most = collection_->size();
  most.entries += puts.size();
  for (const PutRequest& put : puts) {
    most.bytes += BudgetBytes(put);
  }
  if (!over(most)) {
    return std::uint32_t{0};
  }
  CollectionSize own;
  // What the puts replace takes no room beside them.
  CollectionSize after = collection_->SizeAfter(puts, &own);
  if (over(own)) {
    return ResourceExhausted(
        "a write of " + std::to_string(own.entries) + " entries and " + std::to_string(own.bytes) +
        " bytes is over the namespace's budget of " + std::to_string(config.max_entries) +
        " entries and " + std::to_string(config.max_bytes) + " bytes (0: unlimited)");
  }
  std::uint32_t evicted = 0;
  while (over(after)) {
    // As many victims as the excess calls for, in one storage batch.
    const std::vector<EntryId> victims = Victims(after, over);
    if (victims.empty()) {
      break;  // other writers are removing what is left
    }
    const Result<std::vector<EntryId>> erased = collection_->Erase(victims, false);
    if (!erased.ok()) {
      TrackAgain(victims);
      return erased.status();
    }
    for (const EntryId id : victims) {
      idle_.Erase(id);
    }
    evicted += static_cast<std::uint32_t>(erased->size());
    after = collection_->SizeAfter(puts);
  }
  counters_.Add<&NamespaceStats::evictions>(evicted);
  return evicted;
}

// Until `over` of what is left of `size` is false, as far as a round goes.
std::vector<EntryId> Cache::Victims(CollectionSize size,
                                    const std::function<bool(const CollectionSize&)>& over) {
  std::vector<EntryId> victims;
  while (over(size) && victims.size() < kRound) {
    const std::optional<EntryId> victim = policy_->Victim();
    if (!victim) {
      break;
    }
    if (const std::optional<std::uint64_t> bytes = collection_->BytesOf(*victim)) {
      --size.entries;
      size.bytes -= *bytes;
    }
    victims.push_back(*victim);
  }
  return victims;
}

Result<std::vector<EntryId>> Cache::Erase(std::span<const EntryId> ids, bool sync) {
  const ReaderLock writing(&writes_mu_);
  NEARHIT_RETURN_IF_ERROR(CheckCurrent());
  NEARHIT_ASSIGN_OR_RETURN(std::vector<EntryId> erased, collection_->Erase(ids, sync));
  for (const EntryId id : erased) {
    Forget(id);
  }
  counters_.Add<&NamespaceStats::deletes>(erased.size());
  return erased;
}

Result<std::vector<EntryId>> Cache::Matching(const InvalidateRequest& request) const {
  EntrySelection selection{.scope = request.scope, .tags = request.tags};
  if (request.older_than_ms) {
    selection.created_before_us = clock_->NowMicros() - *request.older_than_ms * 1'000;
  }
  NEARHIT_ASSIGN_OR_RETURN(std::vector<EntryId> ids, collection_->Select(selection));
  if (request.model) {
    std::erase_if(ids, [&](EntryId id) {
      const Result<StoredEntry> entry = collection_->Read(id, ReadMode::kBlocking);
      return !entry.ok() || entry->record.model != *request.model;
    });
  }
  return ids;
}

Result<InvalidateResult> Cache::Invalidate(const InvalidateRequest& request) {
  NEARHIT_ASSIGN_OR_RETURN(const std::vector<EntryId> ids, Matching(request));
  InvalidateResult result{.matched = ids.size(), .deleted = 0};
  if (!request.dry_run) {
    const bool sync = settings_.now()->config.durability == Durability::kSync;
    NEARHIT_ASSIGN_OR_RETURN(const std::vector<EntryId> erased, Erase(ids, sync));
    result.deleted = erased.size();
  }
  return result;
}

Result<Entry> Cache::ToEntry(StoredEntry stored) const {
  const PayloadRecord& record = stored.record;
  Entry entry;
  entry.id = stored.id;
  NEARHIT_ASSIGN_OR_RETURN(entry.scope,
                           collection_->ScopeOf(record.partition, ReadMode::kBlocking));
  entry.slot = record.key;
  entry.answer = record.payload;
  entry.metadata = {.content_type = std::string(record.content_type),
                    .model = std::string(record.model),
                    .prompt_tokens = record.prompt_tokens,
                    .answer_tokens = record.answer_tokens,
                    .cost = record.cost,
                    .tags = {record.tags.begin(), record.tags.end()}};
  NEARHIT_ASSIGN_OR_RETURN(entry.vector, collection_->ReadVector(stored.id));
  entry.created_us = record.created_us;
  if (record.expires_us != 0) {
    entry.expires_us = record.expires_us;
  }
  return entry;
}

Result<Entry> Cache::Get(EntryId id) const {
  Result<StoredEntry> stored = collection_->Read(id, ReadMode::kBlocking);
  const bool live_entry =
      stored.ok() && !tracking_->IsIdle(id, settings_.now()->config, *clock_) &&
      (stored->record.expires_us == 0 || clock_->NowMicros() < stored->record.expires_us);
  if (!live_entry && (stored.ok() || stored.status().code() == StatusCode::kNotFound)) {
    return NotFound("entry " + std::to_string(id.value) + " is not stored");
  }
  NEARHIT_RETURN_IF_ERROR(stored.status());
  return ToEntry(*std::move(stored));
}

Result<ScanPage> Cache::Scan(EntryId after, std::size_t limit) const {
  return ReadScanPage<ScanPage>(
      *collection_, after, limit, [this](EntryId id) { return Get(id); },
      [](const Entry& entry) {
        return entry.scope.size() + entry.slot.size() + entry.answer.size() +
               entry.vector.size() * sizeof(float);
      });
}

Result<std::vector<EntryId>> Cache::ExpiredIds(const CacheSettings& settings) const {
  NEARHIT_ASSIGN_OR_RETURN(std::vector<EntryId> ids, collection_->ExpiredIds(kRound));
  if (settings.config.idle_ttl_ms > 0) {
    const std::int64_t before_us = clock_->SteadyMicros() - settings.config.idle_ttl_ms * 1'000;
    const std::vector<EntryId> idle = idle_.Idle(before_us, kRound);
    ids.insert(ids.end(), idle.begin(), idle.end());
  }
  return ids;
}

Status Cache::Maintain(const std::atomic<bool>* stop) {
  const std::shared_ptr<const CacheSettings> now = settings_.now();
  for (bool more = true; more;) {
    const ReaderLock writing(&writes_mu_);
    if (retired_ || (stop != nullptr && stop->load(std::memory_order_relaxed))) {
      return Status();
    }
    NEARHIT_ASSIGN_OR_RETURN(const std::vector<EntryId> ids, ExpiredIds(*now));
    NEARHIT_ASSIGN_OR_RETURN(const std::vector<EntryId> erased, collection_->Erase(ids, false));
    for (const EntryId id : ids) {
      Forget(id);
    }
    counters_.Add<&NamespaceStats::expirations>(erased.size());
    // Rows of expiry without an entry: nothing to gain from asking again.
    more = !erased.empty();
    if (!more) {
      // A budget that was lowered is reached here; stores keep it from then on.
      NEARHIT_RETURN_IF_ERROR(MakeRoom(*now, {}).status());
    }
  }
  settings_.Learn();
  // Without the lock: an embedder may take long, and building a graph does and changes no entry.
  if (now->embedder != nullptr && now->config.dimension != 0) {
    NEARHIT_RETURN_IF_ERROR(filler_.Round(now->embedder.get()));
  }
  return collection_->Maintain(stop);
}

}  // namespace nearhit
