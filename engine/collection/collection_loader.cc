#include "engine/collection/collection_loader.h"

#include <algorithm>
#include <future>
#include <iterator>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/normalize.h"
#include "engine/collection/index_snapshots.h"
#include "engine/storage/record.h"

namespace nearhit {

Status CollectionLoader::Load() {
  NEARHIT_RETURN_IF_ERROR(LoadPartitions());
  // Two halves of a start that take as long as each other: files and storage.
  const IndexSnapshots snapshots(state_);
  std::future<std::vector<PartitionNumber>> damaged_files =
      std::async(std::launch::async, [&snapshots] { return snapshots.Load(); });
  Status loaded = LoadHeaders();
  if (loaded.ok()) {
    loaded = LoadTags();
  }
  snapshots.SetAside(damaged_files.get());
  NEARHIT_RETURN_IF_ERROR(loaded);
  return LoadIndexes();
}

Status CollectionLoader::LoadPartitions() {
  const std::string begin = NamespacePrefix(state_->options.ns);
  Status damaged;
  const auto visit = [this, &damaged](std::string_view key, std::string_view value) {
    const std::optional<PartitionNumber> number = ParsePartitionKey(key);
    const Result<std::string_view> scope = DecodePartition(key, value);
    if (!scope.ok()) {
      damaged = scope.status();
      return false;
    }
    if (!number) {
      damaged = DataLoss("a partition key has the wrong shape");
      return false;
    }
    state_->partitions.Load(*number, state_->hasher.OfScope(*scope), *scope);
    return true;
  };
  NEARHIT_RETURN_IF_ERROR(state_->store->Scan(Family::kPartitions, begin, PrefixEnd(begin),
                                              {.fill_cache = false}, visit));
  return damaged;
}

Status CollectionLoader::LoadHeaders() {
  const std::string begin = NamespacePrefix(state_->options.ns);
  Status damaged;
  const auto visit = [this, &damaged](std::string_view key, std::string_view value) {
    const std::optional<EntryId> id = ParseEntryKey(key);
    const Result<HeaderRecord> header = DecodeHeader(key, value);
    if (!header.ok()) {
      damaged = header.status();
      return false;
    }
    if (!id) {
      damaged = DataLoss("a header key has the wrong shape");
      return false;
    }
    const PartitionPtr partition = state_->partitions.FindNumber(header->partition);
    if (partition == nullptr) {
      damaged = DataLoss("entry " + std::to_string(id->value) + " names partition " +
                         std::to_string(header->partition) + ", which is not stored");
      return false;
    }
    partition->in_use.fetch_add(1);
    state_->table.Insert(*id, {.partition = header->partition,
                               .created_us = header->created_us,
                               .expires_us = header->expires_us,
                               .key_hash = header->key_hash,
                               .bytes = header->bytes,
                               .has_vector = header->has_vector,
                               .tags = {}});
    return true;
  };
  NEARHIT_RETURN_IF_ERROR(
      state_->store->Scan(Family::kHeaders, begin, PrefixEnd(begin), {.fill_cache = false}, visit));
  return damaged;
}

Status CollectionLoader::LoadTags() {
  const std::string begin = NamespacePrefix(state_->options.ns);
  // Keys of one tag stand together: intern each tag once.
  std::string_view last_prefix;
  std::string last_key;
  std::vector<TagNumber> tag;
  const auto visit = [&](std::string_view key, std::string_view) {
    const std::optional<EntryId> id = ParseTagKey(key);
    if (!id) {
      return true;
    }
    const std::size_t prefix_bytes = key.size() - sizeof(std::uint64_t);
    if (last_prefix != key.substr(0, prefix_bytes)) {
      last_key = std::string(key);
      last_prefix = std::string_view(last_key).substr(0, prefix_bytes);
      state_->table.ReleaseTags(tag);
      const std::string text(TagOfKey(key));
      tag = state_->table.InternTags({&text, 1});
    }
    state_->table.AddTag(*id, tag.front());
    return true;
  };
  Status read =
      state_->store->Scan(Family::kTags, begin, PrefixEnd(begin), {.fill_cache = false}, visit);
  state_->table.ReleaseTags(tag);
  return read;
}

Status CollectionLoader::LoadIndexes() {
  if (state_->options.dimension == 0) {
    return Status();
  }
  std::unordered_map<PartitionNumber, std::vector<EntryId>> ids_of;
  state_->table.ForEach([&ids_of](EntryId id, const EntryState& state) {
    if (state.has_vector) {
      ids_of[state.partition].push_back(id);
    }
  });
  for (const PartitionPtr& partition : state_->partitions.All()) {
    std::vector<EntryId>& ids = ids_of[partition->number];
    std::sort(ids.begin(), ids.end());  // in the order of storage
    NEARHIT_RETURN_IF_ERROR(LoadIndex(partition.get(), ids));
  }
  return Status();
}

// An id names its vector for good, so a snapshot is brought up to date by comparing sets of ids.
Status CollectionLoader::LoadIndex(Partition* partition, const std::vector<EntryId>& ids) {
  std::vector<EntryId> held = partition->index.Ids();  // of its snapshot
  std::sort(held.begin(), held.end());
  std::vector<EntryId> stale;
  std::set_difference(held.begin(), held.end(), ids.begin(), ids.end(), std::back_inserter(stale));
  for (const EntryId id : stale) {
    partition->index.Erase(id);
  }
  state_->from_snapshots += partition->index.size();
  std::vector<EntryId> missing;
  std::set_difference(ids.begin(), ids.end(), held.begin(), held.end(),
                      std::back_inserter(missing));
  std::vector<float> vector(state_->options.dimension);
  std::string value;
  for (const EntryId id : missing) {
    const Status read = LoadVector(id, &value, &vector);
    if (read.code() == StatusCode::kDataLoss) {
      ++state_
            ->damaged;  // one bad record must not keep the others away; the exact tier still has it
      continue;
    }
    NEARHIT_RETURN_IF_ERROR(read);
    NEARHIT_RETURN_IF_ERROR(partition->index.Add(id, vector));
  }
  return Status();
}

// kDataLoss also when there is none, though the header promises one, and when it is one that was
// never let in.
Status CollectionLoader::LoadVector(EntryId id, std::string* buffer,
                                    std::vector<float>* vector) const {
  const std::string key = EntryKey(state_->options.ns, id);
  const Status read = state_->store->Get(Family::kVectors, key, ReadMode::kBlocking, buffer);
  if (read.code() == StatusCode::kNotFound) {
    return DataLoss("vector of entry " + std::to_string(id.value) + " is missing");
  }
  NEARHIT_RETURN_IF_ERROR(read);
  NEARHIT_RETURN_IF_ERROR(DecodeVector(key, *buffer, *vector));
  return IsValidVector(state_->options.metric, *vector)
             ? Status()
             : DataLoss("vector of entry " + std::to_string(id.value) + " has no valid length");
}

}  // namespace nearhit
