// nearhit::VectorStore over an open namespace: one partition, the user's keys, no cache semantics.

#include <algorithm>
#include <map>
#include <utility>

#include "base/normalize.h"
#include "engine/collection/scan_page.h"
#include "engine/database/namespace.h"
#include "engine/database/validate.h"

namespace nearhit {

namespace {

// Every entry of a vector store lives in one partition.
constexpr std::string_view kScope;

std::vector<float> Normalized(VectorView vector, Metric metric) {
  std::vector<float> copy(vector.begin(), vector.end());
  NormalizeFor(metric, copy);  // the vector has been validated
  return copy;
}

bool HasAny(std::span<const std::string_view> tags, std::span<const std::string> of) {
  return std::any_of(of.begin(), of.end(), [tags](const std::string& tag) {
    return std::find(tags.begin(), tags.end(), tag) != tags.end();
  });
}

// Whether a key is there twice, because it was replaced between two reads.
bool HasReplaced(std::span<const VectorHit> hits) {
  std::vector<std::string_view> keys;
  keys.reserve(hits.size());
  for (const VectorHit& hit : hits) {
    keys.push_back(hit.key);
  }
  std::sort(keys.begin(), keys.end());
  return std::adjacent_find(keys.begin(), keys.end()) != keys.end();
}

// Leaves the entry that was stored last of each key.
void DropReplaced(std::vector<VectorHit>* hits) {
  std::map<std::string, EntryId> newest;
  for (const VectorHit& hit : *hits) {
    EntryId& id = newest[hit.key];
    id = std::max(id, hit.id);
  }
  std::erase_if(*hits, [&newest](const VectorHit& hit) { return hit.id != newest.at(hit.key); });
}

class VectorsHandle final : public VectorStore {
 public:
  explicit VectorsHandle(std::shared_ptr<Namespace> space) : space_(std::move(space)) {}

  Result<std::vector<EntryId>> Upsert(std::span<const UpsertRequest> requests,
                                      Durability durability) override {
    const Namespace::Call call(space_.get());
    NEARHIT_RETURN_IF_ERROR(call.status());
    const NamespaceConfig& config = call.record().config;
    NEARHIT_RETURN_IF_ERROR(CheckBatch("requests", requests.size()));
    for (std::size_t i = 0; i < requests.size(); ++i) {
      NEARHIT_RETURN_IF_ERROR(
          AtIndex("requests", i, CheckUpsert(requests[i], config, space_->max_payload_bytes())));
    }
    const std::int64_t now_us = space_->clock().NowMicros();
    std::vector<std::vector<float>> vectors;
    std::vector<PutRequest> puts;
    for (const UpsertRequest& request : requests) {
      vectors.push_back(Normalized(request.vector, config.metric));
      const std::int64_t ttl_ms = request.ttl_ms.value_or(config.default_ttl_ms);
      PutRequest put;
      put.scope = kScope;
      put.key = request.key;
      put.vector = vectors.back();  // the heap block stays where it is when `vectors` grows
      put.payload = request.payload;
      put.tags = request.tags;
      put.expires_us = ttl_ms == 0 ? 0 : now_us + ttl_ms * 1'000;
      puts.push_back(put);
    }
    const Durability level = durability == Durability::kDefault ? config.durability : durability;
    NEARHIT_ASSIGN_OR_RETURN(const std::vector<PutResult> results,
                             Put(call, puts, level == Durability::kSync));
    std::vector<EntryId> ids;
    ids.reserve(results.size());
    for (const PutResult& result : results) {
      ids.push_back(result.id);
    }
    return ids;
  }

  Result<std::vector<VectorHit>> Search(VectorView query,
                                        const VectorSearchOptions& options) override {
    NEARHIT_ASSIGN_OR_RETURN(std::vector<std::vector<VectorHit>> rows, SearchBatch(query, options));
    return std::move(rows.front());
  }

  Result<std::vector<std::vector<VectorHit>>> SearchBatch(
      VectorView queries, const VectorSearchOptions& options) override {
    const Namespace::Call call(space_.get());
    NEARHIT_RETURN_IF_ERROR(call.status());
    NEARHIT_RETURN_IF_ERROR(CheckSearch(options, call.record().config));
    const std::size_t dimension = call.record().config.dimension;
    if (queries.empty() || queries.size() % dimension != 0) {
      return InvalidArgument("query has " + std::to_string(queries.size()) +
                             " components, the namespace's dimension is " +
                             std::to_string(dimension));
    }
    const std::size_t rows = queries.size() / dimension;
    NEARHIT_RETURN_IF_ERROR(CheckBatch("queries", rows));
    for (std::size_t row = 0; row < rows; ++row) {
      NEARHIT_RETURN_IF_ERROR(AtIndex(
          "queries", row,
          CheckVector("query", queries.subspan(row * dimension, dimension), call.record().config)));
    }
    std::vector<std::vector<VectorHit>> results(rows);
    std::size_t bytes = 0;
    for (std::size_t row = 0; row < rows; ++row) {
      if (row > 0 && options.still_wanted) {
        NEARHIT_RETURN_IF_ERROR(options.still_wanted());
      }
      NEARHIT_ASSIGN_OR_RETURN(
          results[row],
          SearchOne(call, queries.subspan(row * dimension, dimension), options, &bytes));
    }
    return results;
  }

  Result<VectorEntry> Get(std::string_view key) override {
    const Namespace::Call call(space_.get());
    NEARHIT_RETURN_IF_ERROR(call.status());
    NEARHIT_ASSIGN_OR_RETURN(std::optional<StoredEntry> found,
                             call.collection().Find(kScope, key, ReadMode::kBlocking));
    if (!found || !IsLive(*found)) {
      return NotFound("key of " + std::to_string(key.size()) + " bytes is not stored");
    }
    return ToEntry(call, *found);
  }

  Result<VectorEntry> GetById(EntryId id) override {
    const Namespace::Call call(space_.get());
    NEARHIT_RETURN_IF_ERROR(call.status());
    return ReadLive(call, id);
  }

  Result<std::uint64_t> Delete(std::span<const std::string_view> keys,
                               Durability durability) override {
    const Namespace::Call call(space_.get());
    NEARHIT_RETURN_IF_ERROR(call.status());
    NEARHIT_RETURN_IF_ERROR(CheckBatch("keys", keys.size()));
    std::vector<EntryId> ids;
    for (const std::string_view key : keys) {
      NEARHIT_ASSIGN_OR_RETURN(const EntryId id, call.collection().IdOf(kScope, key));
      if (id) {
        ids.push_back(id);
      }
    }
    const Durability level =
        durability == Durability::kDefault ? call.record().config.durability : durability;
    NEARHIT_ASSIGN_OR_RETURN(const std::vector<EntryId> erased,
                             call.collection().Erase(ids, level == Durability::kSync));
    return erased.size();
  }

  Result<VectorPage> Scan(EntryId after, std::size_t limit) override {
    const Namespace::Call call(space_.get());
    NEARHIT_RETURN_IF_ERROR(call.status());
    NEARHIT_RETURN_IF_ERROR(CheckPage(limit));
    return ReadScanPage<VectorPage>(
        call.collection(), after, limit, [&](EntryId id) { return ReadLive(call, id); },
        [](const VectorEntry& entry) {
          return entry.key.size() + entry.payload.size() + entry.vector.size() * sizeof(float);
        });
  }

 private:
  bool IsLive(const StoredEntry& entry) const {
    return entry.record.expires_us == 0 || space_->clock().NowMicros() < entry.record.expires_us;
  }

  // A vector store forgets nothing by itself: over its budget it refuses.
  static Status CheckBudget(const Namespace::Call& call, std::span<const PutRequest> puts) {
    const NamespaceConfig& config = call.record().config;
    const Collection::Size size = call.collection().SizeAfter(puts);
    if ((config.max_entries != 0 && size.entries > config.max_entries) ||
        (config.max_bytes != 0 && size.bytes > config.max_bytes)) {
      return ResourceExhausted("the namespace would hold " + std::to_string(size.entries) +
                               " entries of " + std::to_string(config.max_entries) + " and " +
                               std::to_string(size.bytes) + " bytes of " +
                               std::to_string(config.max_bytes) + " (0: unlimited)");
    }
    return Status();
  }

  Result<std::vector<PutResult>> Put(const Namespace::Call& call, std::span<const PutRequest> puts,
                                     bool sync) const {
    const NamespaceConfig& config = call.record().config;
    if (config.max_entries == 0 && config.max_bytes == 0) {
      return call.collection().Put(puts, sync);
    }
    MutexLock turn(&space_->budget_mu());  // two at a time would both find room for themselves
    NEARHIT_RETURN_IF_ERROR(CheckBudget(call, puts));
    return call.collection().Put(puts, sync);
  }

  // `bytes` counts on: of all hits of the call.
  Result<std::vector<VectorHit>> SearchOne(const Namespace::Call& call, VectorView query,
                                           const VectorSearchOptions& options,
                                           std::size_t* bytes) const {
    const std::vector<float> normalized = Normalized(query, call.record().config.metric);
    for (int repeats = 0;; ++repeats) {
      bool damaged = false;
      NEARHIT_ASSIGN_OR_RETURN(
          const std::vector<ScoredEntry> found,
          call.collection().Search(kScope, normalized,
                                   {.k = options.k,
                                    .ef = options.ef,
                                    .min_score = options.min_score,
                                    .filter = &options.filter,
                                    .damaged = &damaged,
                                    .context = {.explanation = options.explanation}}));
      if (damaged) {
        space_->CountReadError();
      }
      std::size_t bytes_now = *bytes;
      bool deleted = false;
      NEARHIT_ASSIGN_OR_RETURN(std::vector<VectorHit> hits,
                               ReadHits(call, found, options, &bytes_now, &deleted));
      const bool replaced = HasReplaced(hits);
      // A deleted one may have been replaced, and the next one is to take its place.
      if ((!deleted && !replaced) || repeats == Collection::kMostRepeats) {
        if (replaced) {
          DropReplaced(&hits);
        }
        *bytes = bytes_now;
        return hits;
      }
    }
  }

  // `deleted` is set when one of `found` was deleted since; it is left out.
  Result<std::vector<VectorHit>> ReadHits(const Namespace::Call& call,
                                          std::span<const ScoredEntry> found,
                                          const VectorSearchOptions& options, std::size_t* bytes,
                                          bool* deleted) const {
    std::vector<VectorHit> hits;
    for (const ScoredEntry& scored : found) {
      if (options.min_score && scored.score < *options.min_score) {
        break;  // sorted: the rest is below as well
      }
      Result<StoredEntry> entry = call.collection().Read(scored.id, ReadMode::kBlocking);
      if (entry.status().code() == StatusCode::kNotFound) {
        *deleted = true;
        continue;
      }
      if (entry.status().code() == StatusCode::kDataLoss) {
        space_->CountReadError();
        continue;
      }
      NEARHIT_RETURN_IF_ERROR(entry.status());
      if (HasAny(entry->record.tags, options.filter.none_of)) {
        continue;  // stored a moment ago, when the filter had been made ready
      }
      VectorHit hit{.id = scored.id,
                    .score = scored.score,
                    .key = std::string(entry->record.key),
                    .payload = {},
                    .tags = {}};
      if (options.with_payload) {
        hit.payload = entry->record.payload;
        hit.tags.assign(entry->record.tags.begin(), entry->record.tags.end());
      }
      std::size_t own = sizeof(VectorHit) + hit.key.size() + hit.payload.size();
      for (const std::string& tag : hit.tags) {
        own += sizeof(std::string) + tag.size();
      }
      hits.push_back(std::move(hit));
      *bytes += own;
      if (const std::size_t limit = std::min(options.max_result_bytes, kMaxResultBytes);
          *bytes > limit && *bytes > own) {
        return ResourceExhausted("the hits have over " + std::to_string(limit) +
                                 " bytes: ask for fewer queries or neighbors, or without payloads");
      }
    }
    return hits;
  }

  Result<VectorEntry> ReadLive(const Namespace::Call& call, EntryId id) const {
    NEARHIT_ASSIGN_OR_RETURN(const StoredEntry entry,
                             call.collection().Read(id, ReadMode::kBlocking));
    if (!IsLive(entry)) {
      return NotFound("entry " + std::to_string(id.value) + " is not stored");
    }
    return ToEntry(call, entry);
  }

  static Result<VectorEntry> ToEntry(const Namespace::Call& call, const StoredEntry& stored) {
    VectorEntry entry;
    entry.id = stored.id;
    entry.key = stored.record.key;
    entry.payload = stored.record.payload;
    entry.tags.assign(stored.record.tags.begin(), stored.record.tags.end());
    entry.created_us = stored.record.created_us;
    if (stored.record.expires_us != 0) {
      entry.expires_us = stored.record.expires_us;
    }
    NEARHIT_ASSIGN_OR_RETURN(entry.vector, call.collection().ReadVector(stored.id));
    return entry;
  }

  const std::shared_ptr<Namespace> space_;
};

}  // namespace

std::shared_ptr<VectorStore> MakeVectorsHandle(std::shared_ptr<Namespace> space) {
  return std::make_shared<VectorsHandle>(std::move(space));
}

}  // namespace nearhit
