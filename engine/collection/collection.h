// Vectors, keys, payloads and tags of one namespace, in storage and in the index, kept in step. The
// cache and the vector store are thin layers on top.
//
// Write order: new entries are announced in memory (table, index), where searches drop them for
// want of a row; one storage batch is the commit point; the rest of memory follows. So a search
// always finds the old entry of a key or the new one. Entries never change: putting a key again
// makes a new entry and deletes the old one in the same batch. So an id alone says what is stored
// under it, and bringing a snapshot up to date is a comparison of id sets. One thing is added
// later: a vector, to an entry that has none. Design:
// docs/architecture.md#life-of-a-store.
//
// A collection is a front for its parts, which share a CollectionState: CollectionLoader fills it,
// EntryWriter changes it, EntryReader, EntryLister and EntrySearcher look into it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "engine/collection/change_recorder.h"
#include "engine/collection/collection_state.h"
#include "engine/collection/collection_types.h"
#include "engine/collection/entry_lister.h"
#include "engine/collection/entry_reader.h"
#include "engine/collection/entry_searcher.h"
#include "engine/collection/entry_writer.h"
#include "engine/collection/id_allocator.h"
#include "engine/collection/scope_ref.h"
#include "engine/storage/kv_store.h"
#include "nearhit/result.h"

namespace nearhit {

// Thread-safety: thread-safe. Reads take no lock that a writer holds across storage.
class Collection {
 public:
  // Reads the headers of the namespace, loads snapshots where they help and adds what is missing.
  // An entry whose vector is missing or damaged stays out of the index and is counted.
  // `store`, `clock` and `ids` must outlive the collection; `secret` is copied.
  // Errors: those of storage; a damaged snapshot is only slower.
  static Result<std::unique_ptr<Collection>> Open(KvStore* store, const Clock* clock,
                                                  IdAllocator* ids, const HashSecret& secret,
                                                  const CollectionOptions& options);
  ~Collection() = default;
  Collection(const Collection&) = delete;
  Collection& operator=(const Collection&) = delete;

  // Puts all requests in one atomic batch. Of several with one scope and key the last one counts,
  // and all get its result. On error nothing changed.
  Result<std::vector<PutResult>> Put(std::span<const PutRequest> requests, bool sync) {
    return writer_.Put(requests, sync);
  }

  CollectionSize size() const {
    return {.entries = state_.table.size(), .bytes = state_.table.bytes()};
  }
  // What the collection would hold with these put, if nothing else is meanwhile; `own`, unless it
  // is null, is raised by what these hold.
  CollectionSize SizeAfter(std::span<const PutRequest> requests,
                           CollectionSize* own = nullptr) const {
    return writer_.SizeAfter(requests, own);
  }

  // Ids of entries without a vector whose text the embedder may have one for, at most `limit`, in
  // no order.
  std::vector<EntryId> WantingVectors(std::size_t limit) const {
    return state_.table.WantingVectors(limit);
  }
  // Gives entries that were put without a vector theirs, in one atomic batch. Passes over those
  // that are gone or have one; returns how many got one. An entry whose addition is empty is not
  // among WantingVectors any more. On error nothing changed. Requires: each id once.
  Result<std::size_t> AddVectors(std::span<const VectorAddition> additions) {
    return writer_.AddVectors(additions);
  }

  // Deletes those of `ids` that exist, in batches of bounded size; returns which were there. On
  // error, what earlier batches deleted stays deleted.
  Result<std::vector<EntryId>> Erase(std::span<const EntryId> ids, bool sync) {
    return writer_.Erase(ids, sync);
  }

  // Looks for the scope. Scopes of over kScopeBytesInMemory may be compared with those in storage.
  // Errors: kWouldBlock, after which the same call goes on; those of storage.
  Status Resolve(ScopeRef* scope, ReadMode mode) const { return reader_.Resolve(scope, mode); }

  // The entry stored under exactly these bytes, expired or not; nothing when there is none.
  // Requires: the scope is resolved.
  Result<std::optional<StoredEntry>> Find(const ScopeRef& scope, std::string_view key,
                                          ReadMode mode) const {
    return reader_.Find(scope, key, mode);
  }
  Result<std::optional<StoredEntry>> Find(std::string_view scope, std::string_view key,
                                          ReadMode mode) const {
    return reader_.Find(scope, key, mode);
  }

  // The id of what is stored under exactly these bytes, or of an unreadable entry under their hash;
  // 0 when there is none.
  Result<EntryId> IdOf(std::string_view scope, std::string_view key) const {
    return reader_.IdOf(scope, key);
  }

  // The id of an entry with this ScopeRef::HashOf; 0 when there is none.
  EntryId IdOfHash(const Hash128& hash) const { return state_.table.FindKey(hash); }

  // Errors: kNotFound; kDataLoss; kWouldBlock.
  Result<StoredEntry> Read(EntryId id, ReadMode mode) const { return reader_.Read(id, mode); }
  // The stored vector; empty when the entry has none.
  Result<std::vector<float>> ReadVector(EntryId id) const { return reader_.ReadVector(id); }
  Result<std::string> ScopeOf(PartitionNumber partition, ReadMode mode) const {
    return reader_.ScopeOf(partition, mode);
  }

  // Nearest entries of the scope, best first, expired ones left out. `query` is normalised under
  // cosine. Entries whose stored vector turns out damaged are left out too. Errors: kUnavailable
  // when a vector cannot be read; kWouldBlock; kDeadlineExceeded. Requires: the scope is resolved.
  Result<std::vector<ScoredEntry>> Search(const ScopeRef& scope, VectorView query,
                                          const CollectionSearch& search) const {
    return searcher_.Search(scope, query, search);
  }
  Result<std::vector<ScoredEntry>> Search(std::string_view scope, VectorView query,
                                          const CollectionSearch& search) const;

  // Whether the entry is stored, or about to be.
  bool Contains(EntryId id) const { return BytesOf(id).has_value(); }
  // What it counts in a budget; nothing when it is not there.
  std::optional<std::uint64_t> BytesOf(EntryId id) const;
  // Of all entries, expired or not, ascending. Cost: O(entries), as Select without tags.
  std::vector<EntryId> Ids() const { return lister_.Ids(); }
  // Ids that meet all conditions, expired or not, ascending. Errors: those of reading a long scope.
  Result<std::vector<EntryId>> Select(const EntrySelection& selection) const {
    return lister_.Select(selection);
  }
  // Ids whose TTL is over, at most `limit`.
  Result<std::vector<EntryId>> ExpiredIds(std::size_t limit) const {
    return lister_.ExpiredIds(limit);
  }
  // Live ids above `after`, ascending, at most `limit`.
  Result<std::vector<EntryId>> IdsAfter(EntryId after, std::size_t limit) const {
    return lister_.IdsAfter(after, limit);
  }

  // Drops empty partitions and moves partitions between index tiers. Ends early, with OK, once
  // `stop` (which may be null) is set.
  Status Maintain(const std::atomic<bool>* stop);
  Status WriteSnapshots() const;

  // Which ids come and go. An id's row is written before its change is recorded and deleted before
  // that is.
  ChangeRecorder& changes() { return state_.table.changes(); }
  const CollectionOptions& options() const { return state_.options; }
  // Cost: a look at each partition.
  CollectionStats stats() const;

 private:
  Collection(KvStore* store, const Clock* clock, IdAllocator* ids, const HashSecret& secret,
             const CollectionOptions& options);

  CollectionState state_;
  EntryWriter writer_{&state_};
  const EntryReader reader_{&state_};
  const EntrySearcher searcher_{&state_};
  const EntryLister lister_{&state_};
};

}  // namespace nearhit
