#include "engine/vectors/vectors.h"

#include <optional>
#include <string>
#include <utility>

#include "base/normalize.h"
#include "engine/collection/scan_page.h"

namespace nearhit {

namespace {

constexpr std::size_t kExpiredAtOnce = 4'096;

std::size_t EntryBytes(const VectorEntry& entry) {
  return entry.key.size() + entry.payload.size() + entry.vector.size() * sizeof(float);
}

}  // namespace

Result<std::vector<EntryId>> Vectors::Upsert(std::span<const UpsertRequest> requests,
                                             const NamespaceConfig& config, bool sync) {
  const std::int64_t now_us = clock_->NowMicros();
  std::vector<std::vector<float>> vectors(requests.size());
  std::vector<PutRequest> puts(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const UpsertRequest& request = requests[i];
    vectors[i].assign(request.vector.begin(), request.vector.end());
    NormalizeFor(config.metric, vectors[i]);
    const std::int64_t ttl_ms = request.ttl_ms.value_or(config.default_ttl_ms);
    PutRequest& put = puts[i];
    put.scope = kScope;
    put.key = request.key;
    put.vector = vectors[i];
    put.payload = request.payload;
    put.tags = request.tags;
    put.expires_us = ttl_ms == 0 ? 0 : now_us + ttl_ms * 1'000;
  }
  NEARHIT_ASSIGN_OR_RETURN(const std::vector<PutResult> results, Put(puts, config, sync));
  std::vector<EntryId> ids;
  ids.reserve(results.size());
  for (const PutResult& result : results) {
    ids.push_back(result.id);
  }
  return ids;
}

Result<std::uint64_t> Vectors::Delete(std::span<const std::string_view> keys, bool sync) {
  std::vector<EntryId> ids;
  for (const std::string_view key : keys) {
    NEARHIT_ASSIGN_OR_RETURN(const EntryId id, collection_->IdOf(kScope, key));
    if (id) {
      ids.push_back(id);
    }
  }
  NEARHIT_ASSIGN_OR_RETURN(const std::vector<EntryId> erased, collection_->Erase(ids, sync));
  return erased.size();
}

Result<VectorEntry> Vectors::Get(std::string_view key) const {
  NEARHIT_ASSIGN_OR_RETURN(const std::optional<StoredEntry> found,
                           collection_->Find(kScope, key, ReadMode::kBlocking));
  if (!found || !IsLive(*found)) {
    return NotFound("key of " + std::to_string(key.size()) + " bytes is not stored");
  }
  return ToEntry(*found);
}

Result<VectorEntry> Vectors::Get(EntryId id) const {
  NEARHIT_ASSIGN_OR_RETURN(const StoredEntry entry, collection_->Read(id, ReadMode::kBlocking));
  if (!IsLive(entry)) {
    return NotFound("entry " + std::to_string(id.value) + " is not stored");
  }
  return ToEntry(entry);
}

Result<VectorPage> Vectors::Scan(EntryId after, std::size_t limit) const {
  return ReadScanPage<VectorPage>(
      *collection_, after, limit, [this](EntryId id) { return Get(id); }, EntryBytes);
}

Status Vectors::Maintain(const std::atomic<bool>& stop) {
  while (!stop.load(std::memory_order_relaxed)) {
    NEARHIT_ASSIGN_OR_RETURN(const std::vector<EntryId> ids,
                             collection_->ExpiredIds(kExpiredAtOnce));
    if (ids.empty()) {
      break;
    }
    NEARHIT_ASSIGN_OR_RETURN(const std::vector<EntryId> erased, collection_->Erase(ids, false));
    if (erased.empty()) {
      break;  // expiry records without an entry: the next round would find the same
    }
  }
  return collection_->Maintain(&stop);
}

bool Vectors::IsLive(const StoredEntry& entry) const {
  return entry.record.expires_us == 0 || clock_->NowMicros() < entry.record.expires_us;
}

// A vector store evicts nothing: over its budget it refuses.
Status Vectors::CheckBudget(std::span<const PutRequest> puts, const NamespaceConfig& config) const {
  const CollectionSize size = collection_->SizeAfter(puts);
  if ((config.max_entries != 0 && size.entries > config.max_entries) ||
      (config.max_bytes != 0 && size.bytes > config.max_bytes)) {
    return ResourceExhausted("the namespace would hold " + std::to_string(size.entries) +
                             " entries of " + std::to_string(config.max_entries) + " and " +
                             std::to_string(size.bytes) + " bytes of " +
                             std::to_string(config.max_bytes) + " (0: unlimited)");
  }
  return Status();
}

Result<std::vector<PutResult>> Vectors::Put(std::span<const PutRequest> puts,
                                            const NamespaceConfig& config, bool sync) {
  if (config.max_entries == 0 && config.max_bytes == 0) {
    return collection_->Put(puts, sync);
  }
  MutexLock turn(&budget_mu_);
  NEARHIT_RETURN_IF_ERROR(CheckBudget(puts, config));
  return collection_->Put(puts, sync);
}

Result<VectorEntry> Vectors::ToEntry(const StoredEntry& stored) const {
  VectorEntry entry;
  entry.id = stored.id;
  entry.key = stored.record.key;
  entry.payload = stored.record.payload;
  entry.tags.assign(stored.record.tags.begin(), stored.record.tags.end());
  entry.created_us = stored.record.created_us;
  if (stored.record.expires_us != 0) {
    entry.expires_us = stored.record.expires_us;
  }
  NEARHIT_ASSIGN_OR_RETURN(entry.vector, collection_->ReadVector(stored.id));
  return entry;
}

}  // namespace nearhit
