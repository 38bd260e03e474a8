// What is kept in memory of every live entry of a collection: enough to expire, account, filter and
// delete it without reading storage.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/mutex.h"
#include "engine/collection/change_recorder.h"
#include "engine/collection/id_set.h"
#include "engine/collection/segmented_map.h"
#include "engine/collection/tag_table.h"
#include "engine/storage/keys.h"
#include "nearhit/types.h"
#include "nearhit/vector_store.h"

namespace nearhit {

struct EntryState {
  PartitionNumber partition = 0;
  std::int64_t created_us = 0;
  std::int64_t expires_us = 0;  // 0: never
  Hash128 key_hash;
  std::uint64_t bytes = 0;
  bool has_vector = false;
  bool unreadable_text = false;  // the embedder has no vector for it; not stored
  bool announced = false;        // not stored yet; see EntryTable::Announce
  std::vector<TagNumber> tags;   // ascending

  bool ExpiredAt(std::int64_t now_us) const { return expires_us != 0 && now_us >= expires_us; }
};

// Thread-safety: thread-safe; the lock is held for one map operation, or some hundred entries.
class EntryTable {
 public:
  EntryTable() = default;
  ~EntryTable() = default;
  EntryTable(const EntryTable&) = delete;
  EntryTable& operator=(const EntryTable&) = delete;

  // Their numbers, ascending, each once. They are the caller's until an Insert takes them over, or
  // ReleaseTags gives them back: a tag that nothing holds is forgotten.
  std::vector<TagNumber> InternTags(std::span<const std::string> tags);
  void ReleaseTags(std::span<const TagNumber> tags);
  std::string TagText(TagNumber tag) const;
  std::size_t tag_count() const;
  // Entries whose tags pass the filter, expired or not, announced or stored. Cost: some
  // microseconds, and as many more for each hundred thousand entries that the sets have.
  IdSet Matching(const TagFilter& filter) const;

  // Inserts an entry that is stored: Announce and Commit in one.
  void Insert(EntryId id, EntryState state);
  // An entry that is about to be stored: Find and With know it, so that a search can judge it from
  // the moment its row is there. It is not counted, visited, recorded or found by its key until
  // Commit. Retract takes it out again, its tags too.
  void Announce(EntryId id, EntryState state);
  void Commit(EntryId id);                 // requires: announced
  void Retract(EntryId id);                // as Commit
  void AddTag(EntryId id, TagNumber tag);  // while opening only
  std::optional<EntryState> Find(EntryId id) const;
  // The newest entry with this key hash; 0 when there is none. The hash only locates.
  EntryId FindKey(const Hash128& key_hash) const;
  bool Erase(EntryId id);

  // The entry has a vector from now on, and so many bytes. Requires: it is there without one.
  void AddVector(EntryId id, std::uint64_t bytes);
  void NoteUnreadableText(EntryId id);  // if it is there without a vector
  // Entries that are stored without a vector.
  std::uint64_t without_vector() const;
  // Of those, at most `limit` whose text the embedder may have one for, in no order.
  std::vector<EntryId> WantingVectors(std::size_t limit) const;

  // Calls `use` with the entry's state while the table is locked for reading; false when there is
  // none.
  template <typename Use>
  bool With(EntryId id, Use&& use) const {
    ReaderLock lock(&mu_);
    const EntryState* const found = entries_.Find(id.value);
    if (found == nullptr) {
      return false;
    }
    use(*found);
    return true;
  }

  // Visits every stored entry, in no order, some hundred at a time under the lock. Those that come
  // or go meanwhile are visited or not, and while some come, others may be visited twice.
  void ForEach(const std::function<void(EntryId, const EntryState&)>& visit) const;

  // Told of the ids that are inserted and erased.
  ChangeRecorder& changes() { return changes_; }

  std::uint64_t size() const;
  std::uint64_t bytes() const;

 private:
  // Of a tag that nobody has: `none`.
  const IdSet& EntriesOf(const std::string& tag, const IdSet& none) const
      NEARHIT_REQUIRES_SHARED(mu_);
  void IndexTagsLocked(EntryId id, const EntryState& state) NEARHIT_REQUIRES(mu_);
  void ReleaseTagsLocked(EntryId id, const EntryState& state) NEARHIT_REQUIRES(mu_);
  void CommitLocked(EntryId id, EntryState* state) NEARHIT_REQUIRES(mu_);
  void CountVectorLocked(const EntryState& state, std::uint64_t entries) NEARHIT_REQUIRES(mu_);

  mutable SharedMutex mu_;
  SegmentedMap<std::uint64_t, EntryState> entries_ NEARHIT_GUARDED_BY(mu_);
  SegmentedMap<Hash128, std::uint64_t, HashOfHash> newest_by_key_ NEARHIT_GUARDED_BY(mu_);
  TagTable tags_ NEARHIT_GUARDED_BY(mu_);
  IdSet ids_ NEARHIT_GUARDED_BY(mu_);                    // of all entries, announced ones too
  std::uint64_t announced_ NEARHIT_GUARDED_BY(mu_) = 0;  // entries
  std::uint64_t bytes_ NEARHIT_GUARDED_BY(mu_) = 0;      // of the others, as the next two
  std::uint64_t without_vector_ NEARHIT_GUARDED_BY(mu_) = 0;
  std::uint64_t wanting_vectors_ NEARHIT_GUARDED_BY(mu_) = 0;
  ChangeRecorder changes_;  // synchronizes itself; noted to with mu_
};

}  // namespace nearhit
