#include "engine/collection/entry_batch.h"

#include <string>
#include <utility>
#include <vector>

#include "engine/storage/record.h"

namespace nearhit {

void EntryBatch::PutHeader(EntryId id, const EntryState& state) {
  std::string key = EntryKey(state_->options.ns, id);
  std::string value = EncodeHeader(key, {.partition = state.partition,
                                         .created_us = state.created_us,
                                         .expires_us = state.expires_us,
                                         .key_hash = state.key_hash,
                                         .bytes = state.bytes,
                                         .has_vector = state.has_vector});
  batch_.Put(Family::kHeaders, std::move(key), std::move(value));
}

void EntryBatch::Put(EntryId id, const EntryState& state, const PutRequest& request) {
  const std::string key = EntryKey(state_->options.ns, id);
  PutHeader(id, state);
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
  batch_.Put(Family::kPayloads, key, EncodePayload(key, payload));
  if (state.has_vector) {
    PutVector(id, request.vector);
  }
  for (const TagNumber tag : state.tags) {
    batch_.Put(Family::kTags, TagKey(state_->options.ns, state_->table.TagText(tag), id), {});
  }
  if (state.expires_us != 0) {
    batch_.Put(Family::kExpiry, ExpiryKey(state_->options.ns, state.expires_us, id), {});
  }
}

void EntryBatch::Erase(EntryId id, const EntryState& state) {
  const std::string key = EntryKey(state_->options.ns, id);
  batch_.Delete(Family::kHeaders, key);
  batch_.Delete(Family::kPayloads, key);
  if (state.has_vector) {
    batch_.Delete(Family::kVectors, key);
  }
  for (const TagNumber tag : state.tags) {
    batch_.Delete(Family::kTags, TagKey(state_->options.ns, state_->table.TagText(tag), id));
  }
  if (state.expires_us != 0) {
    batch_.Delete(Family::kExpiry, ExpiryKey(state_->options.ns, state.expires_us, id));
  }
}

Status EntryBatch::ChangeKey(const Hash128& hash, EntryId add, EntryId remove) {
  std::string key = ExactKey(state_->options.ns, hash);
  std::string value;
  std::vector<EntryId> ids;
  Status read = state_->store->Get(Family::kKeys, key, ReadMode::kBlocking, &value);
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
    batch_.Delete(Family::kKeys, std::move(key));
  } else {
    value = EncodeIds(key, ids);
    batch_.Put(Family::kKeys, std::move(key), std::move(value));
  }
  return Status();
}

void EntryBatch::PutVector(EntryId id, VectorView vector) {
  std::string key = EntryKey(state_->options.ns, id);
  std::string value = EncodeVector(key, vector);
  batch_.Put(Family::kVectors, std::move(key), std::move(value));
}

void EntryBatch::PutPartition(PartitionNumber partition, std::string_view scope) {
  std::string key = PartitionKey(state_->options.ns, partition);
  std::string value = EncodePartition(key, scope);
  batch_.Put(Family::kPartitions, std::move(key), std::move(value));
}

void EntryBatch::ErasePartition(PartitionNumber partition) {
  batch_.Delete(Family::kPartitions, PartitionKey(state_->options.ns, partition));
}

}  // namespace nearhit
