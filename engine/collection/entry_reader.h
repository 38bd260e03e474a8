// Finds the entries of a collection by their keys, and reads what storage has of them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/collection/collection_state.h"
#include "engine/collection/collection_types.h"
#include "engine/collection/scope_ref.h"
#include "nearhit/result.h"

namespace nearhit {

// The methods are those of Collection, where they are explained.
//
// Thread-safety: thread-safe.
class EntryReader {
 public:
  explicit EntryReader(CollectionState* state) : state_(state) {}

  Status Resolve(ScopeRef* scope, ReadMode mode) const;
  Result<std::optional<StoredEntry>> Find(const ScopeRef& scope, std::string_view key,
                                          ReadMode mode) const;
  Result<std::optional<StoredEntry>> Find(std::string_view scope, std::string_view key,
                                          ReadMode mode) const;
  Result<EntryId> IdOf(std::string_view scope, std::string_view key) const;
  Result<StoredEntry> Read(EntryId id, ReadMode mode) const;
  Result<std::vector<float>> ReadVector(EntryId id) const;
  Result<std::string> ScopeOf(PartitionNumber partition, ReadMode mode) const;

 private:
  Result<bool> SameScope(const Partition& partition, std::string_view scope, ReadMode mode) const;
  // The entry with this key as the stored row of the exact tier has it.
  Result<std::optional<StoredEntry>> FindStored(const Hash128& hash, PartitionNumber partition,
                                                std::string_view key, ReadMode mode) const;
  // The one of `ids` that has exactly this partition and key.
  Result<std::optional<StoredEntry>> ReadAmong(std::span<const EntryId> ids,
                                               PartitionNumber partition, std::string_view key,
                                               ReadMode mode) const;

  CollectionState* const state_;
};

}  // namespace nearhit
