// Collection: putting and erasing. One storage batch is the commit point; memory follows.

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "engine/collection/collection.h"
#include "engine/collection/key_stripes.h"

namespace nearhit {

namespace {
// Fixed bytes that an entry costs in storage beside its variable parts; part of what budgets count.
constexpr std::uint64_t kEntryOverheadBytes = 128;
constexpr std::size_t kEraseChunk = 256;

}  // namespace

std::uint64_t Collection::EntryBytes(const PutRequest& request) {
  std::uint64_t bytes = kEntryOverheadBytes + request.key.size() + request.payload.size() +
                        request.content_type.size() + request.model.size() +
                        request.vector.size() * sizeof(float);
  for (const std::string& tag : request.tags) {
    bytes += tag.size();
  }
  return bytes;
}

struct Collection::Planned {
  const PutRequest* request = nullptr;
  Hash128 key_hash;
  std::size_t winner = 0;  // index of the last request with the same scope and key
  EntryId replaced;
  EntryState replaced_state;
  EntryId id;
  EntryState state;
  PartitionPtr partition;
  bool announced = false;
};

std::vector<Collection::Planned> Collection::Plan(std::span<const PutRequest> requests) const {
  std::vector<Planned> planned(requests.size());
  std::unordered_map<Hash128, std::size_t, HashOfHash> last;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    planned[i].request = &requests[i];
    planned[i].key_hash = KeyHash(requests[i].scope, requests[i].key);
    last[planned[i].key_hash] = i;
  }
  for (Planned& put : planned) {
    put.winner = last[put.key_hash];
  }
  return planned;
}

CollectionSize Collection::SizeAfter(std::span<const PutRequest> requests,
                                     CollectionSize* own) const {
  CollectionSize size = this->size();
  const std::vector<Planned> planned = Plan(requests);
  for (std::size_t i = 0; i < planned.size(); ++i) {
    if (planned[i].winner != i) {
      continue;
    }
    const std::uint64_t bytes = EntryBytes(requests[i]);
    ++size.entries;
    size.bytes += bytes;
    if (own != nullptr) {
      ++own->entries;
      own->bytes += bytes;
    }
    table_.With(table_.FindKey(planned[i].key_hash), [&size](const EntryState& replaced) {
      --size.entries;
      size.bytes -= replaced.bytes;
    });
  }
  return size;
}

Status Collection::FindReplaced(std::vector<Planned>* planned) const {
  for (std::size_t i = 0; i < planned->size(); ++i) {
    Planned& put = (*planned)[i];
    if (put.winner != i) {
      continue;
    }
    Result<EntryId> found = IdOf(put.request->scope, put.request->key);
    // Where the damage hides whose row it is, the new entry is stored beside it.
    if (!found.ok() && found.status().code() != StatusCode::kDataLoss) {
      return std::move(found).status();
    }
    std::optional<EntryState> state = found.ok() ? table_.Find(*found) : std::nullopt;
    if (state) {
      put.replaced = *found;
      put.replaced_state = *std::move(state);
    }
  }
  return Status();
}

PartitionPtr Collection::PinPartition(std::string_view scope, WriteBatch* batch) {
  const Hash128 hash = ScopeHash(scope);
  WriterLock lock(&partitions_mu_);
  PartitionPtr partition = partitions_.FindScope(hash);
  if (partition == nullptr) {
    partition = PartitionPtr::Make(next_partition_++, hash, scope, index_shape());
    partitions_.Insert(partition);
  }
  partition->in_use.fetch_add(1);
  if (!partition->stored.load()) {
    std::string key = PartitionKey(options_.ns, partition->number);
    std::string value = EncodePartition(key, scope);
    batch->Put(Family::kPartitions, std::move(key), std::move(value));
  }
  return partition;
}

Status Collection::AppendKeyIds(const Hash128& hash, EntryId add, EntryId remove,
                                WriteBatch* batch) const {
  std::string key = ExactKey(options_.ns, hash);
  std::string value;
  std::vector<EntryId> ids;
  Status read = store_->Get(Family::kKeys, key, ReadMode::kBlocking, &value);
  if (read.ok()) {
    Result<std::vector<EntryId>> decoded = DecodeIds(key, value);
    read = decoded.status();
    if (decoded.ok()) {
      ids = *std::move(decoded);
    }
  }
  // A damaged row is written anew: were it an error, its entries could never be replaced, evicted
  // or deleted again.
  if (!read.ok() && read.code() != StatusCode::kNotFound && read.code() != StatusCode::kDataLoss) {
    return read;
  }
  std::erase(ids, remove);
  if (add) {
    ids.push_back(add);
  }
  if (ids.empty()) {
    batch->Delete(Family::kKeys, std::move(key));
  } else {
    value = EncodeIds(key, ids);
    batch->Put(Family::kKeys, std::move(key), std::move(value));
  }
  return Status();
}

void Collection::AppendHeader(EntryId id, const EntryState& state, WriteBatch* batch) const {
  std::string key = EntryKey(options_.ns, id);
  std::string value = EncodeHeader(key, {.partition = state.partition,
                                         .created_us = state.created_us,
                                         .expires_us = state.expires_us,
                                         .key_hash = state.key_hash,
                                         .bytes = state.bytes,
                                         .has_vector = state.has_vector});
  batch->Put(Family::kHeaders, std::move(key), std::move(value));
}

void Collection::AppendPut(const Planned& put, WriteBatch* batch) const {
  const PutRequest& request = *put.request;
  const EntryState& state = put.state;
  const std::string key = EntryKey(options_.ns, put.id);
  AppendHeader(put.id, state, batch);
  PayloadRecord payload{.partition = state.partition,
                        .created_us = state.created_us,
                        .expires_us = state.expires_us,
                        .key = request.key,
                        .content_type = request.content_type,
                        .model = request.model,
                        .prompt_tokens = request.prompt_tokens,
                        .answer_tokens = request.answer_tokens,
                        .cost = request.cost,
                        .tags = {},
                        .payload = request.payload};
  payload.tags.assign(request.tags.begin(), request.tags.end());
  batch->Put(Family::kPayloads, key, EncodePayload(key, payload));
  if (state.has_vector) {
    batch->Put(Family::kVectors, key, EncodeVector(key, request.vector));
  }
  for (const TagNumber tag : state.tags) {
    batch->Put(Family::kTags, TagKey(options_.ns, table_.TagText(tag), put.id), {});
  }
  if (state.expires_us != 0) {
    batch->Put(Family::kExpiry, ExpiryKey(options_.ns, state.expires_us, put.id), {});
  }
}

void Collection::AppendErase(EntryId id, const EntryState& state, WriteBatch* batch) const {
  const std::string key = EntryKey(options_.ns, id);
  batch->Delete(Family::kHeaders, key);
  batch->Delete(Family::kPayloads, key);
  if (state.has_vector) {
    batch->Delete(Family::kVectors, key);
  }
  for (const TagNumber tag : state.tags) {
    batch->Delete(Family::kTags, TagKey(options_.ns, table_.TagText(tag), id));
  }
  if (state.expires_us != 0) {
    batch->Delete(Family::kExpiry, ExpiryKey(options_.ns, state.expires_us, id));
  }
}

void Collection::ApplyErase(EntryId id, const EntryState& state) {
  if (!table_.Erase(id)) {
    return;
  }
  const PartitionPtr partition = PartitionByNumber(state.partition);
  if (partition == nullptr) {
    return;
  }
  partition->index.Erase(id);
  partition->in_use.fetch_sub(1);
}

Result<std::vector<PutResult>> Collection::Put(std::span<const PutRequest> requests, bool sync) {
  std::vector<Planned> planned = Plan(requests);
  Stripes stripes(this);
  for (const Planned& put : planned) {
    stripes.Add(put.key_hash);
  }
  stripes.Lock();
  NEARHIT_RETURN_IF_ERROR(FindReplaced(&planned));
  NEARHIT_ASSIGN_OR_RETURN(const EntryId first, ids_->Take(planned.size()));

  WriteBatch batch;
  Status failed;
  const std::int64_t now_us = clock_->NowMicros();
  for (std::size_t i = 0; i < planned.size() && failed.ok(); ++i) {
    Planned& put = planned[i];
    if (put.winner != i) {
      continue;
    }
    const PutRequest& request = *put.request;
    put.id = request.id ? request.id : EntryId{first.value + i};
    put.partition = PinPartition(request.scope, &batch);
    put.state = {.partition = put.partition->number,
                 .created_us = request.created_us != 0 ? request.created_us : now_us,
                 .expires_us = request.expires_us,
                 .key_hash = put.key_hash,
                 .bytes = EntryBytes(request),
                 .has_vector = !request.vector.empty(),
                 .unreadable_text = request.unreadable_text,
                 .tags = table_.InternTags(request.tags)};
    AppendPut(put, &batch);
    failed = AppendKeyIds(put.key_hash, put.id, put.replaced, &batch);
    if (put.replaced) {
      AppendErase(put.replaced, put.replaced_state, &batch);
    }
  }
  if (failed.ok()) {
    Announce(&planned);
    failed = store_->Write(batch, sync);
  }
  return FinishPut(&planned, std::move(failed));
}

// When the batch takes the old entries away, the new ones are in place.
void Collection::Announce(std::vector<Planned>* planned) {
  for (Planned& put : *planned) {
    if (put.partition == nullptr) {
      continue;
    }
    put.announced = true;
    table_.Announce(put.id, put.state);
    if (put.state.has_vector) {
      // A full index (2^32 entries in one scope) leaves the entry to the exact tier.
      put.partition->index.Add(put.id, put.request->vector).IgnoreError();
    }
  }
}

// Of a put that failed.
void Collection::Retract(const Planned& put) {
  if (put.announced) {
    put.partition->index.Erase(put.id);
    table_.Retract(put.id);
  } else {
    table_.ReleaseTags(put.state.tags);
  }
  put.partition->in_use.fetch_sub(1);
}

Result<std::vector<PutResult>> Collection::FinishPut(std::vector<Planned>* planned,
                                                     Status written) {
  for (Planned& put : *planned) {
    if (put.partition == nullptr) {
      continue;
    }
    if (!written.ok()) {
      Retract(put);
      continue;
    }
    put.partition->stored.store(true);
    table_.Commit(put.id);
    if (put.replaced) {
      ApplyErase(put.replaced, put.replaced_state);
    }
  }
  if (!written.ok()) {
    return written;
  }
  std::vector<PutResult> results;
  results.reserve(planned->size());
  for (const Planned& put : *planned) {
    const Planned& winner = (*planned)[put.winner];
    results.push_back({.id = winner.id, .replaced = winner.replaced, .bytes = winner.state.bytes});
  }
  return results;
}

Result<std::vector<EntryId>> Collection::Erase(std::span<const EntryId> ids, bool sync) {
  std::vector<EntryId> erased;
  while (!ids.empty()) {
    const std::size_t count = std::min(ids.size(), kEraseChunk);
    NEARHIT_RETURN_IF_ERROR(EraseSome(ids.first(count), sync, &erased));
    ids = ids.subspan(count);
  }
  return erased;
}

Status Collection::EraseSome(std::span<const EntryId> ids, bool sync,
                             std::vector<EntryId>* erased) {
  Stripes stripes(this);
  for (const EntryId id : ids) {
    table_.With(id, [&stripes](const EntryState& state) { stripes.Add(state.key_hash); });
  }
  stripes.Lock();
  // Read again under the locks: another write may have been first, or may be putting an entry that
  // was not in the table yet, and holds the lock of its key.
  std::unordered_map<std::uint64_t, EntryState> found;
  WriteBatch batch;
  for (const EntryId id : ids) {
    std::optional<EntryState> state = table_.Find(id);
    if (!state || !stripes.Has(state->key_hash) || found.contains(id.value)) {
      continue;
    }
    AppendErase(id, *state, &batch);
    NEARHIT_RETURN_IF_ERROR(AppendKeyIds(state->key_hash, EntryId{}, id, &batch));
    found.emplace(id.value, *std::move(state));
  }
  if (found.empty()) {
    return Status();
  }
  NEARHIT_RETURN_IF_ERROR(store_->Write(batch, sync));
  for (const auto& [id, state] : found) {
    ApplyErase(EntryId{id}, state);
    erased->push_back(EntryId{id});
  }
  return Status();
}

}  // namespace nearhit
