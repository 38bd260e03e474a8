// Puts, completes and erases the entries of a collection. One storage batch is the commit point;
// memory follows.
#pragma once

#include <span>
#include <vector>

#include "engine/collection/collection_state.h"
#include "engine/collection/collection_types.h"
#include "engine/collection/entry_reader.h"
#include "nearhit/result.h"

namespace nearhit {

class EntryBatch;

// The public methods are those of Collection, where they are explained.
//
// Thread-safety: thread-safe.
class EntryWriter {
 public:
  explicit EntryWriter(CollectionState* state) : state_(state), reader_(state) {}

  Result<std::vector<PutResult>> Put(std::span<const PutRequest> requests, bool sync);
  Result<std::size_t> AddVectors(std::span<const VectorAddition> additions);
  Result<std::vector<EntryId>> Erase(std::span<const EntryId> ids, bool sync);
  CollectionSize SizeAfter(std::span<const PutRequest> requests, CollectionSize* own) const;

 private:
  struct Planned;  // a PutRequest on its way

  std::vector<Planned> Plan(std::span<const PutRequest> requests) const;
  Status FindReplaced(std::vector<Planned>* planned) const;
  PartitionPtr PinPartition(std::string_view scope, EntryBatch* batch);
  void Announce(std::vector<Planned>* planned);
  void Retract(const Planned& put);
  Result<std::vector<PutResult>> FinishPut(std::vector<Planned>* planned, Status written);
  void ApplyErase(EntryId id, const EntryState& state);
  Status EraseSome(std::span<const EntryId> ids, bool sync, std::vector<EntryId>* erased);

  CollectionState* const state_;
  const EntryReader reader_;
};

}  // namespace nearhit
