// Finds the entries of a scope by likeness: the index names candidates, storage and the table say
// which of them count.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "engine/collection/collection_state.h"
#include "engine/collection/collection_types.h"
#include "engine/collection/scope_ref.h"
#include "index/vector_index.h"
#include "nearhit/result.h"

namespace nearhit {

// Thread-safety: thread-safe.
class EntrySearcher {
 public:
  explicit EntrySearcher(const CollectionState* state) : state_(state) {}

  // As Collection::Search.
  Result<std::vector<ScoredEntry>> Search(const ScopeRef& scope, VectorView query,
                                          const CollectionSearch& search) const;

 private:
  Result<std::vector<Neighbor>> SearchPartition(const VectorIndex& index, VectorView query,
                                                const CollectionSearch& search,
                                                SearchOptions options) const;
  // Whether one of `missing`, whose vectors were not there, was stored: it has been deleted.
  bool AnyDeleted(std::span<const EntryId> missing, std::vector<EntryId>* known) const;
  std::vector<ScoredEntry> LiveResults(std::span<const Neighbor> neighbors, std::size_t k) const;

  const CollectionState* const state_;
};

}  // namespace nearhit
