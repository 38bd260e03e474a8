// Collection: finding by key and by likeness.

#include <algorithm>
#include <string>
#include <utility>

#include "engine/collection/collection.h"
#include "engine/collection/stored_vectors.h"
#include "engine/collection/tag_matcher.h"
#include "index/distance.h"

namespace nearhit {

namespace {
// A visit of the table may meet an entry twice while others come.
void SortOnce(std::vector<EntryId>* ids) {
  std::sort(ids->begin(), ids->end());
  ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
}
}  // namespace

Hash128 Collection::ScopeHash(std::string_view scope) const {
  return KeyedHasher(secret_).Update(options_.ns).Update(scope).Digest();
}

Hash128 Collection::KeyHash(std::string_view scope, std::string_view key) const {
  return KeyedHasher(secret_).Update(options_.ns).Update(scope).Update(key).Digest();
}

Hash128 Collection::KeyHash(const ScopeRef& scope, std::string_view key) {
  KeyedHasher hasher = *scope.hasher_;
  return hasher.Update(key).Digest();
}

Status Collection::Resolve(ScopeRef* scope, ReadMode mode) const {
  if (scope->resolved_) {
    return Status();
  }
  if (!scope->hasher_) {
    const Hash128 hash =
        scope->hasher_.emplace(secret_).Update(options_.ns).Update(scope->text_).Digest();
    ReaderLock lock(&partitions_mu_);
    scope->partition_ = partitions_.FindScope(hash);
  }
  if (scope->partition_ != nullptr) {
    NEARHIT_ASSIGN_OR_RETURN(const bool same, SameScope(*scope->partition_, scope->text_, mode));
    if (!same) {
      scope->partition_ = PartitionPtr();
    }
  }
  scope->resolved_ = true;
  return Status();
}

PartitionPtr Collection::PartitionByNumber(PartitionNumber number) const {
  ReaderLock lock(&partitions_mu_);
  return partitions_.FindNumber(number);
}

// The hash has only located the partition; its bytes decide.
Result<bool> Collection::SameScope(const Partition& partition, std::string_view scope,
                                   ReadMode mode) const {
  if (partition.scope_is_long() != (scope.size() > kScopeBytesInMemory)) {
    return false;
  }
  if (!partition.scope_is_long()) {
    return partition.scope_text() == scope;
  }
  LongScopes::Text text = long_scopes_.Find(partition.number);
  if (text == nullptr) {
    Result<std::string> stored = ScopeOf(partition.number, mode);
    if (stored.status().code() == StatusCode::kNotFound) {
      return false;  // its first entry is being written
    }
    NEARHIT_RETURN_IF_ERROR(stored.status());
    text = std::make_shared<const std::string>(*std::move(stored));
    long_scopes_.Keep(partition.number, text);
  }
  return *text == scope;
}

// The table in memory names the entry; a read of storage is the payload alone, and a prompt that is
// not stored costs none. When that entry is not the one (replaced a moment ago, or another with the
// same hash), the stored row decides.
Result<std::optional<StoredEntry>> Collection::Find(const ScopeRef& scope, std::string_view key,
                                                    ReadMode mode) const {
  const PartitionPtr& partition = scope.partition_;
  if (partition == nullptr) {
    return std::optional<StoredEntry>();
  }
  const Hash128 hash = KeyHash(scope, key);
  const EntryId id = table_.FindKey(hash);
  if (!id) {
    return std::optional<StoredEntry>();
  }
  NEARHIT_ASSIGN_OR_RETURN(std::optional<StoredEntry> entry,
                           ReadAmong({&id, 1}, partition->number, key, mode));
  return entry ? std::move(entry) : FindStored(hash, partition->number, key, mode);
}

Result<std::optional<StoredEntry>> Collection::Find(std::string_view scope, std::string_view key,
                                                    ReadMode mode) const {
  ScopeRef resolved(scope);
  NEARHIT_RETURN_IF_ERROR(Resolve(&resolved, mode));
  return Find(resolved, key, mode);
}

// A damaged payload cannot say its key. The table's hash of it can, well enough for an entry that
// nobody can read: of 2^32 keys no two share their 128 bits by chance.
Result<EntryId> Collection::IdOf(std::string_view scope, std::string_view key) const {
  const Result<std::optional<StoredEntry>> found = Find(scope, key, ReadMode::kBlocking);
  if (found.ok()) {
    return *found ? (*found)->id : EntryId{};
  }
  const EntryId id = table_.FindKey(KeyHash(scope, key));
  if (found.status().code() == StatusCode::kDataLoss && id &&
      Read(id, ReadMode::kBlocking).status().code() == StatusCode::kDataLoss) {
    return id;
  }
  return found.status();
}

Result<std::optional<StoredEntry>> Collection::FindStored(const Hash128& hash,
                                                          PartitionNumber partition,
                                                          std::string_view key,
                                                          ReadMode mode) const {
  const std::string exact_key = ExactKey(options_.ns, hash);
  std::string value;
  std::string before;
  // The entry that the row names may be replaced before it is read: the row is another then.
  for (int repeats = 0; repeats <= kMostRepeats; ++repeats) {
    const Status read = store_->Get(Family::kKeys, exact_key, mode, &value);
    if (read.code() == StatusCode::kNotFound || (read.ok() && value == before)) {
      break;
    }
    NEARHIT_RETURN_IF_ERROR(read);
    NEARHIT_ASSIGN_OR_RETURN(const std::vector<EntryId> ids, DecodeIds(exact_key, value));
    NEARHIT_ASSIGN_OR_RETURN(std::optional<StoredEntry> entry,
                             ReadAmong(ids, partition, key, mode));
    if (entry) {
      return entry;
    }
    value.swap(before);
  }
  return std::optional<StoredEntry>();
}

Result<std::optional<StoredEntry>> Collection::ReadAmong(std::span<const EntryId> ids,
                                                         PartitionNumber partition,
                                                         std::string_view key,
                                                         ReadMode mode) const {
  Status unreadable;
  for (const EntryId id : ids) {
    Result<StoredEntry> entry = Read(id, mode);
    if (entry.ok()) {
      if (entry->record.partition == partition && entry->record.key == key) {
        unreadable.IgnoreError();  // of an entry that only shares the hash
        return std::optional<StoredEntry>(*std::move(entry));
      }
    } else if (entry.status().code() != StatusCode::kNotFound) {
      unreadable = std::move(entry).status();  // kNotFound: deleted a moment ago
    }
  }
  NEARHIT_RETURN_IF_ERROR(unreadable);
  return std::optional<StoredEntry>();
}

Result<StoredEntry> Collection::Read(EntryId id, ReadMode mode) const {
  const std::string key = EntryKey(options_.ns, id);
  StoredEntry entry{.id = id, .bytes = std::make_unique<std::string>(), .record = {}};
  NEARHIT_RETURN_IF_ERROR(store_->Get(Family::kPayloads, key, mode, entry.bytes.get()));
  NEARHIT_ASSIGN_OR_RETURN(entry.record, DecodePayload(key, *entry.bytes));
  return entry;
}

Result<std::vector<float>> Collection::ReadVector(EntryId id) const {
  const std::string key = EntryKey(options_.ns, id);
  std::string value;
  const Status read = store_->Get(Family::kVectors, key, ReadMode::kBlocking, &value);
  if (read.code() == StatusCode::kNotFound) {
    return std::vector<float>();
  }
  NEARHIT_RETURN_IF_ERROR(read);
  std::vector<float> vector(options_.dimension);
  NEARHIT_RETURN_IF_ERROR(DecodeVector(key, value, vector));
  return vector;
}

Result<std::string> Collection::ScopeOf(PartitionNumber partition, ReadMode mode) const {
  const std::string key = PartitionKey(options_.ns, partition);
  std::string value;
  NEARHIT_RETURN_IF_ERROR(store_->Get(Family::kPartitions, key, mode, &value));
  NEARHIT_ASSIGN_OR_RETURN(const std::string_view scope, DecodePartition(key, value));
  return std::string(scope);
}

Result<std::vector<ScoredEntry>> Collection::Search(std::string_view scope, VectorView query,
                                                    const CollectionSearch& search) const {
  ScopeRef resolved(scope);
  NEARHIT_RETURN_IF_ERROR(Resolve(&resolved, search.context.mode));
  return Search(resolved, query, search);
}

Result<std::vector<ScoredEntry>> Collection::Search(const ScopeRef& scope, VectorView query,
                                                    const CollectionSearch& search) const {
  const PartitionPtr& partition = scope.partition_;
  if (partition == nullptr || options_.dimension == 0) {
    return std::vector<ScoredEntry>();
  }
  StoredVectors vectors(store_, options_.ns, search.context.mode);
  SearchOptions options{.k = search.k,
                        .ef = search.ef,
                        .any_match = search.any_match,
                        .filter = nullptr,
                        .source = &vectors,
                        .deadline = search.context.deadline};
  if (search.min_score) {
    options.min_score = RawScore(options_.metric, *search.min_score);
  }
  // Expired entries leave the index a moment later than they leave the answers, and new ones come
  // there a moment earlier: look further when they have taken places.
  std::vector<EntryId> deleted;
  for (int repeats = 0;;) {
    vectors.BeginSearch();
    NEARHIT_ASSIGN_OR_RETURN(const std::vector<Neighbor> neighbors,
                             SearchPartition(partition->index, query, search, options));
    NEARHIT_RETURN_IF_ERROR(vectors.unread());
    // The entry that replaces it was not there yet when this search began.
    if (AnyDeleted(vectors.missing(), &deleted) && repeats++ < kMostRepeats) {
      continue;
    }
    std::vector<ScoredEntry> results = LiveResults(neighbors, search.k);
    if (results.size() == search.k || neighbors.size() + vectors.missing().size() < options.k ||
        options.k >= kMaxNeighbors) {
      if (search.damaged != nullptr) {
        *search.damaged = vectors.damaged();
      }
      return results;
    }
    options.k = std::min(options.k * 4, kMaxNeighbors);
    options.ef = 0;
  }
}

Result<std::vector<Neighbor>> Collection::SearchPartition(const VectorIndex& index,
                                                          VectorView query,
                                                          const CollectionSearch& search,
                                                          SearchOptions options) const {
  std::optional<TagMatcher> matcher;
  if (search.filter != nullptr && !search.filter->empty()) {
    matcher.emplace(table_.Matching(*search.filter));
    options.filter = &*matcher;
  }
  SearchStats stats{.plan = SearchPlan::kCompareMatching};
  std::vector<Neighbor> neighbors;
  if (!matcher || matcher->count() > 0) {
    NEARHIT_ASSIGN_OR_RETURN(neighbors, index.Search(query, options, &stats));
  }
  if (search.context.explanation != nullptr) {
    *search.context.explanation = {.plan = stats.plan,
                                   .entries = index.size(),
                                   .screened = stats.screened,
                                   .compared = stats.distances,
                                   .rescored = stats.rescored};
    if (matcher) {
      search.context.explanation->matching = matcher->count();
    }
  }
  return neighbors;
}

// `known` holds those that an earlier search met: whatever has taken their place was in the index
// when the last one began.
bool Collection::AnyDeleted(std::span<const EntryId> missing, std::vector<EntryId>* known) const {
  bool any = false;
  for (const EntryId id : missing) {
    bool announced = false;
    table_.With(id, [&announced](const EntryState& state) { announced = state.announced; });
    if (!announced && std::find(known->begin(), known->end(), id) == known->end()) {
      known->push_back(id);
      any = true;
    }
  }
  return any;
}

std::vector<ScoredEntry> Collection::LiveResults(std::span<const Neighbor> neighbors,
                                                 std::size_t k) const {
  const std::int64_t now_us = clock_->NowMicros();
  std::vector<ScoredEntry> results;
  results.reserve(std::min(neighbors.size(), k));
  for (const Neighbor& neighbor : neighbors) {
    bool live = false;
    table_.With(neighbor.id,
                [&live, now_us](const EntryState& state) { live = !state.ExpiredAt(now_us); });
    if (live && results.size() < k) {
      results.push_back({.id = neighbor.id, .score = UserScore(options_.metric, neighbor.score)});
    }
  }
  return results;
}

std::optional<std::uint64_t> Collection::BytesOf(EntryId id) const {
  std::optional<std::uint64_t> bytes;
  table_.With(id, [&bytes](const EntryState& state) { bytes = state.bytes; });
  return bytes;
}

std::vector<EntryId> Collection::Ids() const {
  std::vector<EntryId> ids;
  ids.reserve(table_.size());
  table_.ForEach([&ids](EntryId id, const EntryState&) { ids.push_back(id); });
  SortOnce(&ids);
  return ids;
}

std::vector<EntryId> Collection::WantingVectors(std::size_t limit) const {
  return table_.WantingVectors(limit);
}

Result<std::vector<EntryId>> Collection::Select(const EntrySelection& selection) const {
  std::optional<PartitionNumber> partition;
  if (selection.scope) {
    ScopeRef scope(*selection.scope);
    NEARHIT_RETURN_IF_ERROR(Resolve(&scope, ReadMode::kBlocking));
    partition = scope.partition();
    if (!partition) {
      return std::vector<EntryId>();
    }
  }
  std::vector<EntryId> ids;
  const auto take = [&](EntryId id, const EntryState& state) {
    if (!state.announced && (!partition || state.partition == *partition) &&
        (!selection.created_before_us || state.created_us < *selection.created_before_us)) {
      ids.push_back(id);
    }
  };
  if (selection.tags.empty()) {
    table_.ForEach(take);
    SortOnce(&ids);
    return ids;
  }
  const TagFilter tagged{.all_of = {selection.tags.begin(), selection.tags.end()}};
  for (const EntryId id : table_.Matching(tagged).Ids()) {
    table_.With(id, [&](const EntryState& state) { take(id, state); });
  }
  return ids;
}

Result<std::vector<EntryId>> Collection::ExpiredIds(std::size_t limit) const {
  const std::string begin = ExpiryKey(options_.ns, 0, EntryId{});
  const std::string end = ExpiryKey(options_.ns, clock_->NowMicros() + 1, EntryId{});
  std::vector<EntryId> ids;
  NEARHIT_RETURN_IF_ERROR(store_->Scan(Family::kExpiry, begin, end, {.limit = limit},
                                       [&ids](std::string_view key, std::string_view) {
                                         if (const auto parts = ParseExpiryKey(key)) {
                                           ids.push_back(parts->id);
                                         }
                                         return true;
                                       }));
  return ids;
}

Result<std::vector<EntryId>> Collection::IdsAfter(EntryId after, std::size_t limit) const {
  const std::string begin = EntryKey(options_.ns, EntryId{after.value + 1});
  const std::string end = PrefixEnd(NamespacePrefix(options_.ns));
  std::vector<EntryId> ids;
  NEARHIT_RETURN_IF_ERROR(store_->Scan(Family::kHeaders, begin, end, {.limit = limit},
                                       [&ids](std::string_view key, std::string_view) {
                                         if (const auto id = ParseEntryKey(key)) {
                                           ids.push_back(*id);
                                         }
                                         return true;
                                       }));
  return ids;
}

}  // namespace nearhit
