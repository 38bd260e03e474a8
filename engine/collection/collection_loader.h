// Fills the memory of a collection from storage, which is the truth, and from snapshots where they
// help.
#pragma once

#include <string>
#include <vector>

#include "engine/collection/collection_state.h"
#include "engine/collection/partition.h"
#include "nearhit/result.h"

namespace nearhit {

// Thread-safety: owned by one thread; nobody else uses the state yet.
class CollectionLoader {
 public:
  explicit CollectionLoader(CollectionState* state) : state_(state) {}

  // Errors: those of storage; kDataLoss. A damaged snapshot is only slower.
  Status Load();

 private:
  Status LoadPartitions();
  Status LoadHeaders();
  Status LoadTags();
  Status LoadIndexes();
  Status LoadIndex(Partition* partition, const std::vector<EntryId>& ids);
  Status LoadVector(EntryId id, std::string* buffer, std::vector<float>* vector) const;

  CollectionState* const state_;
};

}  // namespace nearhit
