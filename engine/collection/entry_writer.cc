#include "engine/collection/entry_writer.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "engine/collection/entry_batch.h"

namespace nearhit {

namespace {
// Fixed bytes that an entry costs in storage beside its variable parts; part of what budgets count.
constexpr std::uint64_t kEntryOverheadBytes = 128;
constexpr std::size_t kEraseChunk = 256;
}  // namespace

std::uint64_t BudgetBytes(const PutRequest& request) {
  std::uint64_t bytes = kEntryOverheadBytes + request.key.size() + request.payload.size() +
                        request.content_type.size() + request.model.size() +
                        request.vector.size() * sizeof(float);
  for (const std::string& tag : request.tags) {
    bytes += tag.size();
  }
  return bytes;
}

struct EntryWriter::Planned {
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

std::vector<EntryWriter::Planned> EntryWriter::Plan(std::span<const PutRequest> requests) const {
  std::vector<Planned> planned(requests.size());
  std::unordered_map<Hash128, std::size_t, HashOfHash> last;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    planned[i].request = &requests[i];
    planned[i].key_hash = state_->hasher.OfKey(requests[i].scope, requests[i].key);
    last[planned[i].key_hash] = i;
  }
  for (Planned& put : planned) {
    put.winner = last[put.key_hash];
  }
  return planned;
}

CollectionSize EntryWriter::SizeAfter(std::span<const PutRequest> requests,
                                      CollectionSize* own) const {
  CollectionSize size{.entries = state_->table.size(), .bytes = state_->table.bytes()};
  const std::vector<Planned> planned = Plan(requests);
  for (std::size_t i = 0; i < planned.size(); ++i) {
    if (planned[i].winner != i) {
      continue;
    }
    const std::uint64_t bytes = BudgetBytes(requests[i]);
    ++size.entries;
    size.bytes += bytes;
    if (own != nullptr) {
      ++own->entries;
      own->bytes += bytes;
    }
    state_->table.With(state_->table.FindKey(planned[i].key_hash),
                       [&size](const EntryState& replaced) {
                         --size.entries;
                         size.bytes -= replaced.bytes;
                       });
  }
  return size;
}

Status EntryWriter::FindReplaced(std::vector<Planned>* planned) const {
  for (std::size_t i = 0; i < planned->size(); ++i) {
    Planned& put = (*planned)[i];
    if (put.winner != i) {
      continue;
    }
    Result<EntryId> found = reader_.IdOf(put.request->scope, put.request->key);
    // Where the damage hides whose row it is, the new entry is stored beside it.
    if (!found.ok() && found.status().code() != StatusCode::kDataLoss) {
      return std::move(found).status();
    }
    std::optional<EntryState> state = found.ok() ? state_->table.Find(*found) : std::nullopt;
    if (state) {
      put.replaced = *found;
      put.replaced_state = *std::move(state);
    }
  }
  return Status();
}

PartitionPtr EntryWriter::PinPartition(std::string_view scope, EntryBatch* batch) {
  PartitionPtr partition = state_->partitions.Pin(state_->hasher.OfScope(scope), scope);
  if (!partition->stored.load()) {
    batch->PutPartition(partition->number, scope);
  }
  return partition;
}

Result<std::vector<PutResult>> EntryWriter::Put(std::span<const PutRequest> requests, bool sync) {
  std::vector<Planned> planned = Plan(requests);
  KeyLock lock(&state_->key_locks);
  for (const Planned& put : planned) {
    lock.Add(put.key_hash);
  }
  lock.Lock();
  NEARHIT_RETURN_IF_ERROR(FindReplaced(&planned));
  NEARHIT_ASSIGN_OR_RETURN(const EntryId first, state_->ids->Take(planned.size()));

  EntryBatch batch(state_);
  Status failed;
  const std::int64_t now_us = state_->clock->NowMicros();
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
                 .bytes = BudgetBytes(request),
                 .has_vector = !request.vector.empty(),
                 .unreadable_text = request.unreadable_text,
                 .tags = state_->table.InternTags(request.tags)};
    batch.Put(put.id, put.state, request);
    failed = batch.ChangeKey(put.key_hash, put.id, put.replaced);
    if (put.replaced) {
      batch.Erase(put.replaced, put.replaced_state);
    }
  }
  if (failed.ok()) {
    Announce(&planned);
    failed = batch.Write(sync);
  }
  return FinishPut(&planned, std::move(failed));
}

// When the batch takes the old entries away, the new ones are in place.
void EntryWriter::Announce(std::vector<Planned>* planned) {
  for (Planned& put : *planned) {
    if (put.partition == nullptr) {
      continue;
    }
    put.announced = true;
    state_->table.Announce(put.id, put.state);
    if (put.state.has_vector) {
      // A full index (2^32 entries in one scope) leaves the entry to the exact tier.
      put.partition->index.Add(put.id, put.request->vector).IgnoreError();
    }
  }
}

// Of a put that failed.
void EntryWriter::Retract(const Planned& put) {
  if (put.announced) {
    put.partition->index.Erase(put.id);
    state_->table.Retract(put.id);
  } else {
    state_->table.ReleaseTags(put.state.tags);
  }
  put.partition->in_use.fetch_sub(1);
}

Result<std::vector<PutResult>> EntryWriter::FinishPut(std::vector<Planned>* planned,
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
    state_->table.Commit(put.id);
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

void EntryWriter::ApplyErase(EntryId id, const EntryState& state) {
  if (!state_->table.Erase(id)) {
    return;
  }
  const PartitionPtr partition = state_->partitions.FindNumber(state.partition);
  if (partition == nullptr) {
    return;
  }
  partition->index.Erase(id);
  partition->in_use.fetch_sub(1);
}

Result<std::size_t> EntryWriter::AddVectors(std::span<const VectorAddition> additions) {
  KeyLock lock(&state_->key_locks);
  for (const VectorAddition& addition : additions) {
    state_->table.With(addition.id, [&lock](const EntryState& state) { lock.Add(state.key_hash); });
  }
  lock.Lock();
  struct Added {
    const VectorAddition* addition;
    EntryState state;
  };
  std::vector<Added> added;
  EntryBatch batch(state_);
  for (const VectorAddition& addition : additions) {
    std::optional<EntryState> state = state_->table.Find(addition.id);
    if (!state || state->has_vector || !lock.Has(state->key_hash)) {
      continue;
    }
    if (addition.vector.empty()) {
      state_->table.NoteUnreadableText(addition.id);
      continue;
    }
    state->has_vector = true;
    state->bytes += addition.vector.size() * sizeof(float);
    batch.PutHeader(addition.id, *state);
    batch.PutVector(addition.id, addition.vector);
    added.push_back({.addition = &addition, .state = *std::move(state)});
  }
  if (added.empty()) {
    return std::size_t{0};
  }
  NEARHIT_RETURN_IF_ERROR(batch.Write(/*sync=*/false));
  for (const Added& entry : added) {
    state_->table.AddVector(entry.addition->id, entry.state.bytes);
    // A full index leaves the entry to the exact tier, as in Put.
    state_->partitions.FindNumber(entry.state.partition)
        ->index.Add(entry.addition->id, entry.addition->vector)
        .IgnoreError();
  }
  return added.size();
}

Result<std::vector<EntryId>> EntryWriter::Erase(std::span<const EntryId> ids, bool sync) {
  std::vector<EntryId> erased;
  while (!ids.empty()) {
    const std::size_t count = std::min(ids.size(), kEraseChunk);
    NEARHIT_RETURN_IF_ERROR(EraseSome(ids.first(count), sync, &erased));
    ids = ids.subspan(count);
  }
  return erased;
}

Status EntryWriter::EraseSome(std::span<const EntryId> ids, bool sync,
                              std::vector<EntryId>* erased) {
  KeyLock lock(&state_->key_locks);
  for (const EntryId id : ids) {
    state_->table.With(id, [&lock](const EntryState& state) { lock.Add(state.key_hash); });
  }
  lock.Lock();
  // Read again under the locks: another write may have been first, or may be putting an entry that
  // was not in the table yet, and holds the lock of its key.
  std::unordered_map<std::uint64_t, EntryState> found;
  EntryBatch batch(state_);
  for (const EntryId id : ids) {
    std::optional<EntryState> state = state_->table.Find(id);
    if (!state || !lock.Has(state->key_hash) || found.contains(id.value)) {
      continue;
    }
    batch.Erase(id, *state);
    NEARHIT_RETURN_IF_ERROR(batch.ChangeKey(state->key_hash, EntryId{}, id));
    found.emplace(id.value, *std::move(state));
  }
  if (found.empty()) {
    return Status();
  }
  NEARHIT_RETURN_IF_ERROR(batch.Write(sync));
  for (const auto& [id, state] : found) {
    ApplyErase(EntryId{id}, state);
    erased->push_back(EntryId{id});
  }
  return Status();
}

}  // namespace nearhit
