#include "engine/collection/entry_reader.h"

#include <memory>
#include <utility>

namespace nearhit {

Status EntryReader::Resolve(ScopeRef* scope, ReadMode mode) const {
  if (scope->resolved_) {
    return Status();
  }
  if (!scope->hasher_) {
    scope->partition_ =
        state_->partitions.FindScope(state_->hasher.OfScope(scope->text_, &scope->hasher_));
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

// The hash has only located the partition; its bytes decide.
Result<bool> EntryReader::SameScope(const Partition& partition, std::string_view scope,
                                    ReadMode mode) const {
  if (partition.scope_is_long() != (scope.size() > kScopeBytesInMemory)) {
    return false;
  }
  if (!partition.scope_is_long()) {
    return partition.scope_text() == scope;
  }
  LongScopes::Text text = state_->long_scopes.Find(partition.number);
  if (text == nullptr) {
    Result<std::string> stored = ScopeOf(partition.number, mode);
    if (stored.status().code() == StatusCode::kNotFound) {
      return false;  // its first entry is being written
    }
    NEARHIT_RETURN_IF_ERROR(stored.status());
    text = std::make_shared<const std::string>(*std::move(stored));
    state_->long_scopes.Keep(partition.number, text);
  }
  return *text == scope;
}

// The table in memory names the entry; a read of storage is the payload alone, and a prompt that is
// not stored costs none. When that entry is not the one (replaced a moment ago, or another with the
// same hash), the stored row decides.
Result<std::optional<StoredEntry>> EntryReader::Find(const ScopeRef& scope, std::string_view key,
                                                     ReadMode mode) const {
  const PartitionPtr& partition = scope.partition_;
  if (partition == nullptr) {
    return std::optional<StoredEntry>();
  }
  const Hash128 hash = ScopeHasher::OfKey(*scope.hasher_, key);
  const EntryId id = state_->table.FindKey(hash);
  if (!id) {
    return std::optional<StoredEntry>();
  }
  NEARHIT_ASSIGN_OR_RETURN(std::optional<StoredEntry> entry,
                           ReadAmong({&id, 1}, partition->number, key, mode));
  return entry ? std::move(entry) : FindStored(hash, partition->number, key, mode);
}

Result<std::optional<StoredEntry>> EntryReader::Find(std::string_view scope, std::string_view key,
                                                     ReadMode mode) const {
  ScopeRef resolved(scope);
  NEARHIT_RETURN_IF_ERROR(Resolve(&resolved, mode));
  return Find(resolved, key, mode);
}

// A damaged payload cannot say its key. The table's hash of it can, well enough for an entry that
// nobody can read: of 2^32 keys no two share their 128 bits by chance.
Result<EntryId> EntryReader::IdOf(std::string_view scope, std::string_view key) const {
  const Result<std::optional<StoredEntry>> found = Find(scope, key, ReadMode::kBlocking);
  if (found.ok()) {
    return *found ? (*found)->id : EntryId{};
  }
  const EntryId id = state_->table.FindKey(state_->hasher.OfKey(scope, key));
  if (found.status().code() == StatusCode::kDataLoss && id &&
      Read(id, ReadMode::kBlocking).status().code() == StatusCode::kDataLoss) {
    return id;
  }
  return found.status();
}

Result<std::optional<StoredEntry>> EntryReader::FindStored(const Hash128& hash,
                                                           PartitionNumber partition,
                                                           std::string_view key,
                                                           ReadMode mode) const {
  const std::string exact_key = ExactKey(state_->options.ns, hash);
  std::string value;
  std::string before;
  // The entry that the row names may be replaced before it is read: the row is another then.
  for (int repeats = 0; repeats <= kMostRepeats; ++repeats) {
    const Status read = state_->store->Get(Family::kKeys, exact_key, mode, &value);
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

Result<std::optional<StoredEntry>> EntryReader::ReadAmong(std::span<const EntryId> ids,
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

Result<StoredEntry> EntryReader::Read(EntryId id, ReadMode mode) const {
  const std::string key = EntryKey(state_->options.ns, id);
  StoredEntry entry{.id = id, .bytes = std::make_unique<std::string>(), .record = {}};
  NEARHIT_RETURN_IF_ERROR(state_->store->Get(Family::kPayloads, key, mode, entry.bytes.get()));
  NEARHIT_ASSIGN_OR_RETURN(entry.record, DecodePayload(key, *entry.bytes));
  return entry;
}

Result<std::vector<float>> EntryReader::ReadVector(EntryId id) const {
  const std::string key = EntryKey(state_->options.ns, id);
  std::string value;
  const Status read = state_->store->Get(Family::kVectors, key, ReadMode::kBlocking, &value);
  if (read.code() == StatusCode::kNotFound) {
    return std::vector<float>();
  }
  NEARHIT_RETURN_IF_ERROR(read);
  std::vector<float> vector(state_->options.dimension);
  NEARHIT_RETURN_IF_ERROR(DecodeVector(key, value, vector));
  return vector;
}

Result<std::string> EntryReader::ScopeOf(PartitionNumber partition, ReadMode mode) const {
  const std::string key = PartitionKey(state_->options.ns, partition);
  std::string value;
  NEARHIT_RETURN_IF_ERROR(state_->store->Get(Family::kPartitions, key, mode, &value));
  NEARHIT_ASSIGN_OR_RETURN(const std::string_view scope, DecodePartition(key, value));
  return std::string(scope);
}

}  // namespace nearhit
