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
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mutex.h"
#include "engine/collection/entry_table.h"
#include "engine/collection/id_allocator.h"
#include "engine/collection/long_scopes.h"
#include "engine/collection/partition.h"
#include "engine/collection/partition_table.h"
#include "engine/collection/read_context.h"
#include "engine/collection/scope_ref.h"
#include "engine/storage/kv_store.h"
#include "engine/storage/record.h"
#include "index/vector_index.h"
#include "nearhit/result.h"
#include "nearhit/vector_store.h"

namespace nearhit {

struct CollectionOptions {
  NamespaceNumber ns = 0;
  std::uint32_t dimension = 0;  // 0: no vectors
  Metric metric = Metric::kCosine;
  std::filesystem::path snapshot_dir{};  // empty: no snapshots
  // Entries of a partition from which it has a graph; see PartitionIndex.
  std::size_t graph_threshold = PartitionIndex::kGraphThreshold;
};

// One entry to put. Views must outlive the call; the caller has validated every field.
struct PutRequest {
  std::string_view scope{};
  std::string_view key{};
  VectorView vector{};  // empty, or `dimension` floats, normalised under cosine
  std::string_view payload{};
  std::string_view content_type{};
  std::string_view model{};
  std::uint32_t prompt_tokens = 0;
  std::uint32_t answer_tokens = 0;
  double cost = 0;
  std::span<const std::string> tags{};
  std::int64_t expires_us = 0;   // 0: never
  bool unreadable_text = false;  // without a vector, and the embedder has none for it
  // Copying an entry from another collection keeps these two.
  EntryId id{};                 // 0: a fresh one
  std::int64_t created_us = 0;  // 0: now
};

struct PutResult {
  EntryId id{};
  EntryId replaced{};  // 0: the key was new
  std::uint64_t bytes = 0;
};

// A payload record together with the bytes that its views point into. Movable: the bytes live on
// the heap.
struct StoredEntry {
  EntryId id{};
  std::unique_ptr<std::string> bytes{};
  PayloadRecord record{};
};

struct ScoredEntry {
  EntryId id{};
  float score = 0;  // as users see it, in full precision
};

struct CollectionSearch {
  std::size_t k = 1;
  std::size_t ef = 0;
  std::optional<float> min_score{};   // user score; see SearchOptions::min_score
  bool any_match = false;             // see SearchOptions::any_match
  const TagFilter* filter = nullptr;  // may be null
  bool* damaged = nullptr;            // set to whether one of them was; null: nobody asks
  ReadContext context{};
};

struct CollectionSize {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
};

struct CollectionStats {
  CollectionSize size{};
  std::uint64_t without_vector = 0;  // entries
  std::uint64_t tags = 0;            // different ones
  std::uint64_t partitions = 0;
  std::uint64_t graph_partitions = 0;
  std::uint64_t index_bytes = 0;
  // Of the start: index entries that needed no rebuild, and entries whose vector could not be read,
  // which are found by their key only.
  std::uint64_t from_snapshots = 0;
  std::uint64_t damaged = 0;
};

// Which entries are meant; a condition that is absent holds for all of them.
struct EntrySelection {
  std::optional<std::string_view> scope{};
  std::span<const std::string> tags{};  // each of them
  std::optional<std::int64_t> created_before_us{};
};

// A vector for an entry that was put without one; empty: the embedder has none for its text.
struct VectorAddition {
  EntryId id{};
  VectorView vector{};  // as in PutRequest
};

// Thread-safety: thread-safe. Reads take no lock that a writer holds across storage.
class Collection {
 public:
  // So often does a read begin again because what it had found was deleted in the meantime: another
  // entry may have taken its place.
  static constexpr int kMostRepeats = 16;

  // Reads the headers of the namespace, loads snapshots where they help and adds what is missing.
  // An entry whose vector is missing or damaged stays out of the index and is counted.
  // `store`, `clock` and `ids` must outlive the collection; `secret` is copied.
  // Errors: those of storage; a damaged snapshot is only slower.
  static Result<std::unique_ptr<Collection>> Open(KvStore* store, const Clock* clock,
                                                  IdAllocator* ids, const HashSecret& secret,
                                                  const CollectionOptions& options);
  ~Collection();
  Collection(const Collection&) = delete;
  Collection& operator=(const Collection&) = delete;

  // Puts all requests in one atomic batch. Of several with one scope and key the last one counts,
  // and all get its result. On error nothing changed.
  Result<std::vector<PutResult>> Put(std::span<const PutRequest> requests, bool sync);

  // What an entry counts in a budget.
  static std::uint64_t EntryBytes(const PutRequest& request);
  CollectionSize size() const;
  // What the collection would hold with these put, if nothing else is meanwhile; `own`, unless it
  // is null, is raised by what these hold.
  CollectionSize SizeAfter(std::span<const PutRequest> requests,
                           CollectionSize* own = nullptr) const;

  // Ids of entries without a vector whose text the embedder may have one for, at most `limit`, in
  // no order.
  std::vector<EntryId> WantingVectors(std::size_t limit) const;
  // Gives entries that were put without a vector theirs, in one atomic batch. Passes over those
  // that are gone or have one; returns how many got one. An entry whose addition is empty is not
  // among WantingVectors any more. On error nothing changed. Requires: each id once.
  Result<std::size_t> AddVectors(std::span<const VectorAddition> additions);

  // Deletes those of `ids` that exist, in batches of bounded size; returns which were there. On
  // error, what earlier batches deleted stays deleted.
  Result<std::vector<EntryId>> Erase(std::span<const EntryId> ids, bool sync);

  // Looks for the scope. Scopes of over kScopeBytesInMemory may be compared with those in storage.
  // Errors: kWouldBlock, after which the same call goes on; those of storage.
  Status Resolve(ScopeRef* scope, ReadMode mode) const;

  // The entry stored under exactly these bytes, expired or not; nothing when there is none.
  // Requires: the scope is resolved.
  Result<std::optional<StoredEntry>> Find(const ScopeRef& scope, std::string_view key,
                                          ReadMode mode) const;
  Result<std::optional<StoredEntry>> Find(std::string_view scope, std::string_view key,
                                          ReadMode mode) const;

  // The id of what is stored under exactly these bytes, or of an unreadable entry under their hash;
  // 0 when there is none.
  Result<EntryId> IdOf(std::string_view scope, std::string_view key) const;

  // Errors: kNotFound; kDataLoss; kWouldBlock.
  Result<StoredEntry> Read(EntryId id, ReadMode mode) const;
  // The stored vector; empty when the entry has none.
  Result<std::vector<float>> ReadVector(EntryId id) const;
  Result<std::string> ScopeOf(PartitionNumber partition, ReadMode mode) const;

  // Nearest entries of the scope, best first, expired ones left out. `query` is normalised under
  // cosine. Entries whose stored vector turns out damaged are left out too. Errors: kUnavailable
  // when a vector cannot be read; kWouldBlock; kDeadlineExceeded. Requires: the scope is resolved.
  Result<std::vector<ScoredEntry>> Search(const ScopeRef& scope, VectorView query,
                                          const CollectionSearch& search) const;
  Result<std::vector<ScoredEntry>> Search(std::string_view scope, VectorView query,
                                          const CollectionSearch& search) const;

  // Whether the entry is stored, or about to be.
  bool Contains(EntryId id) const { return BytesOf(id).has_value(); }
  // What it counts in a budget; nothing when it is not there.
  std::optional<std::uint64_t> BytesOf(EntryId id) const;
  // Of all entries, expired or not, ascending. Cost: O(entries), as Select without tags.
  std::vector<EntryId> Ids() const;
  // Ids that meet all conditions, expired or not, ascending. Errors: those of reading a long scope.
  Result<std::vector<EntryId>> Select(const EntrySelection& selection) const;
  // Ids whose TTL is over, at most `limit`.
  Result<std::vector<EntryId>> ExpiredIds(std::size_t limit) const;
  // Live ids above `after`, ascending, at most `limit`.
  Result<std::vector<EntryId>> IdsAfter(EntryId after, std::size_t limit) const;

  // Drops empty partitions and moves partitions between index tiers. Ends early, with OK, once
  // `stop` (which may be null) is set.
  Status Maintain(const std::atomic<bool>* stop);
  Status WriteSnapshots() const;

  // Which ids come and go from now on; see EntryTable. An id's row is written before its change is
  // recorded and deleted before that is.
  void RecordChanges() { table_.RecordChanges(); }
  void StopRecording() { table_.StopRecording(); }
  std::optional<std::vector<EntryId>> TakeChanges() { return table_.TakeChanges(); }
  const CollectionOptions& options() const { return options_; }
  // Cost: a look at each partition.
  CollectionStats stats() const;

 private:
  struct Planned;  // a PutRequest on its way; collection_write.cc
  class Stripes;   // key locks held by a write; key_stripes.h

  Collection(KvStore* store, const Clock* clock, IdAllocator* ids, const HashSecret& secret,
             const CollectionOptions& options);

  Hash128 ScopeHash(std::string_view scope) const;
  Hash128 KeyHash(std::string_view scope, std::string_view key) const;
  // The same, without reading the scope again.
  static Hash128 KeyHash(const ScopeRef& scope, std::string_view key);
  IndexShape index_shape() const;
  // Every partition that is there now.
  std::vector<PartitionPtr> Partitions() const;

  // Opening; collection_open.cc.
  Status LoadPartitions();
  Status LoadHeaders();
  Status LoadTags();
  std::optional<PartitionNumber> SnapshotPartition(const std::filesystem::path& path) const;
  std::vector<PartitionNumber> LoadSnapshots();
  void SetAside(const std::vector<PartitionNumber>& damaged) const;
  Status LoadIndex(Partition* partition, const std::vector<EntryId>& ids);
  Status LoadVector(EntryId id, std::string* buffer, std::vector<float>* vector) const;
  Status LoadIndexes();
  std::filesystem::path SnapshotPath(PartitionNumber partition) const;

  Status DropEmptyPartitions();

  // Writing; collection_write.cc.
  std::vector<Planned> Plan(std::span<const PutRequest> requests) const;
  Status FindReplaced(std::vector<Planned>* planned) const;
  void AppendHeader(EntryId id, const EntryState& state, WriteBatch* batch) const;
  void AppendPut(const Planned& put, WriteBatch* batch) const;
  void AppendErase(EntryId id, const EntryState& state, WriteBatch* batch) const;
  Status AppendKeyIds(const Hash128& hash, EntryId add, EntryId remove, WriteBatch* batch) const;
  void ApplyErase(EntryId id, const EntryState& state);
  void Announce(std::vector<Planned>* planned);
  void Retract(const Planned& put);
  Result<std::vector<PutResult>> FinishPut(std::vector<Planned>* planned, Status written);
  PartitionPtr PinPartition(std::string_view scope, WriteBatch* batch);
  Status EraseSome(std::span<const EntryId> ids, bool sync, std::vector<EntryId>* erased);

  // Searching; collection_search.cc.
  // The entry with this key as the stored row of the exact tier has it.
  Result<std::optional<StoredEntry>> FindStored(const Hash128& hash, PartitionNumber partition,
                                                std::string_view key, ReadMode mode) const;
  // The one of `ids` that has exactly this partition and key.
  Result<std::optional<StoredEntry>> ReadAmong(std::span<const EntryId> ids,
                                               PartitionNumber partition, std::string_view key,
                                               ReadMode mode) const;
  PartitionPtr PartitionByNumber(PartitionNumber number) const;
  Result<std::vector<Neighbor>> SearchPartition(const VectorIndex& index, VectorView query,
                                                const CollectionSearch& search,
                                                SearchOptions options) const;
  // Whether one of `missing`, whose vectors were not there, was stored: it has been deleted.
  bool AnyDeleted(std::span<const EntryId> missing, std::vector<EntryId>* known) const;
  std::vector<ScoredEntry> LiveResults(std::span<const Neighbor> neighbors, std::size_t k) const;
  Result<bool> SameScope(const Partition& partition, std::string_view scope, ReadMode mode) const;

  // Constant after construction.
  KvStore* const store_;
  const Clock* const clock_;
  IdAllocator* const ids_;
  const HashSecret secret_;
  const CollectionOptions options_;

  // Synchronizes itself.
  EntryTable table_;
  std::uint64_t from_snapshots_ = 0;  // these two: written while opening only
  std::uint64_t damaged_ = 0;

  // Writers of one key take turns; readers never take these. Several are taken in ascending order,
  // all of them by a large batch: well under the 64 locks of a thread that ThreadSanitizer follows.
  static constexpr std::size_t kStripes = 32;
  mutable std::array<Mutex, kStripes> key_locks_;

  mutable LongScopes long_scopes_;  // synchronizes itself

  mutable SharedMutex partitions_mu_;
  PartitionTable partitions_ NEARHIT_GUARDED_BY(partitions_mu_);
  PartitionNumber next_partition_ NEARHIT_GUARDED_BY(partitions_mu_) = 1;
};

}  // namespace nearhit
