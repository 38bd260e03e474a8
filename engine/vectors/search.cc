// Vectors: searches, and what upserts and deletes during a search do to its hits.

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "base/normalize.h"
#include "engine/vectors/vectors.h"

namespace nearhit {

namespace {

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

// Leaves the newest entry of each key.
void DropReplaced(std::vector<VectorHit>* hits) {
  std::map<std::string, EntryId> newest;
  for (const VectorHit& hit : *hits) {
    EntryId& id = newest[hit.key];
    id = std::max(id, hit.id);
  }
  std::erase_if(*hits, [&newest](const VectorHit& hit) { return hit.id != newest.at(hit.key); });
}

VectorHit ToHit(const ScoredEntry& scored, const PayloadRecord& record, bool with_payload) {
  VectorHit hit{.id = scored.id,
                .score = scored.score,
                .key = std::string(record.key),
                .payload = {},
                .tags = {}};
  if (with_payload) {
    hit.payload = record.payload;
    hit.tags.assign(record.tags.begin(), record.tags.end());
  }
  return hit;
}

std::size_t HitBytes(const VectorHit& hit) {
  std::size_t bytes = sizeof(VectorHit) + hit.key.size() + hit.payload.size();
  for (const std::string& tag : hit.tags) {
    bytes += sizeof(std::string) + tag.size();
  }
  return bytes;
}

}  // namespace

Result<std::vector<std::vector<VectorHit>>> Vectors::Search(
    VectorView queries, const VectorSearchOptions& options) const {
  const std::size_t dimension = collection_->options().dimension;
  std::vector<std::vector<VectorHit>> rows(queries.size() / dimension);
  std::size_t bytes = 0;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (row > 0 && options.still_wanted) {
      NEARHIT_RETURN_IF_ERROR(options.still_wanted());
    }
    NEARHIT_ASSIGN_OR_RETURN(
        rows[row], SearchOne(queries.subspan(row * dimension, dimension), options, &bytes));
  }
  return rows;
}

Result<std::vector<VectorHit>> Vectors::SearchOne(VectorView query,
                                                  const VectorSearchOptions& options,
                                                  std::size_t* bytes) const {
  std::vector<float> normalized(query.begin(), query.end());
  NormalizeFor(collection_->options().metric, normalized);
  for (int repeats = 0;; ++repeats) {
    bool damaged = false;
    const CollectionSearch search{
        .k = options.k,
        .ef = options.ef,
        .min_score = options.min_score,
        .filter = &options.filter,
        .damaged = &damaged,
        .context = {.deadline = options.deadline, .explanation = options.explanation}};
    NEARHIT_ASSIGN_OR_RETURN(const std::vector<ScoredEntry> found,
                             collection_->Search(kScope, normalized, search));
    if (damaged) {
      counters_.Add<&NamespaceStats::read_errors>();
    }
    std::size_t bytes_now = *bytes;
    bool deleted = false;
    NEARHIT_ASSIGN_OR_RETURN(std::vector<VectorHit> hits,
                             ReadHits(found, options, &bytes_now, &deleted));
    const bool replaced = HasReplaced(hits);
    // The newer entry of a deleted or replaced one may be among the nearest: search again.
    if ((!deleted && !replaced) || repeats == kMostRepeats) {
      if (replaced) {
        DropReplaced(&hits);
      }
      *bytes = bytes_now;
      return hits;
    }
  }
}

Result<std::vector<VectorHit>> Vectors::ReadHits(std::span<const ScoredEntry> found,
                                                 const VectorSearchOptions& options,
                                                 std::size_t* bytes, bool* deleted) const {
  const std::size_t limit = std::min(options.max_result_bytes, kMaxResultBytes);
  std::vector<VectorHit> hits;
  for (const ScoredEntry& scored : found) {
    if (options.min_score && scored.score < *options.min_score) {
      break;  // sorted: the rest is below as well
    }
    Result<StoredEntry> entry = collection_->Read(scored.id, ReadMode::kBlocking);
    if (entry.status().code() == StatusCode::kNotFound) {
      *deleted = true;
      continue;
    }
    if (entry.status().code() == StatusCode::kDataLoss) {
      counters_.Add<&NamespaceStats::read_errors>();
      continue;
    }
    NEARHIT_RETURN_IF_ERROR(entry.status());
    if (HasAny(entry->record.tags, options.filter.none_of)) {
      continue;  // stored after the filter was evaluated
    }
    hits.push_back(ToHit(scored, entry->record, options.with_payload));
    const std::size_t own = HitBytes(hits.back());
    *bytes += own;
    // The first hit of a call may be over the limit by itself.
    if (*bytes > limit && *bytes > own) {
      return ResourceExhausted("the hits have over " + std::to_string(limit) +
                               " bytes: ask for fewer queries or neighbors, or without payloads");
    }
  }
  return hits;
}

}  // namespace nearhit
