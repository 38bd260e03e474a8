// The rows of entries in storage, put and deleted together in one batch.
#pragma once

#include <string_view>

#include "base/hash.h"
#include "engine/collection/collection_state.h"
#include "engine/collection/collection_types.h"
#include "engine/collection/entry_table.h"
#include "engine/storage/kv_store.h"
#include "nearhit/result.h"

namespace nearhit {

// Which rows an entry has: docs/formats.md.
//
// Thread-safety: owned by one thread.
class EntryBatch {
 public:
  explicit EntryBatch(const CollectionState* state) : state_(state) {}

  // Rows of the entry itself, and of its tags and expiry.
  void Put(EntryId id, const EntryState& state, const PutRequest& request);
  void Erase(EntryId id, const EntryState& state);
  void PutHeader(EntryId id, const EntryState& state);
  void PutVector(EntryId id, VectorView vector);
  void PutPartition(PartitionNumber partition, std::string_view scope);
  void ErasePartition(PartitionNumber partition);
  // The row of the exact tier: `add` comes to those under the hash and `remove` leaves; 0: none.
  // Errors: those of reading it.
  Status ChangeKey(const Hash128& hash, EntryId add, EntryId remove);

  bool empty() const { return batch_.empty(); }
  Status Write(bool sync) { return state_->store->Write(batch_, sync); }

 private:
  const CollectionState* const state_;
  WriteBatch batch_;
};

}  // namespace nearhit
