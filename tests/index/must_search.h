// Searches of an index in memory without a deadline: they cannot fail.
#pragma once

#include <span>
#include <vector>

#include "base/check.h"
#include "index/vector_index.h"

namespace nearhit {

inline std::vector<Neighbor> MustSearch(const VectorIndex& index, VectorView query,
                                        const SearchOptions& options, SearchStats* stats) {
  Result<std::vector<Neighbor>> found = index.Search(query, options, stats);
  NEARHIT_CHECK(found.ok());
  return *std::move(found);
}

inline std::vector<Neighbor> MustSearchAmong(const VectorIndex& index, VectorView query,
                                             std::span<const EntryId> ids,
                                             const SearchOptions& options, SearchStats* stats) {
  Result<std::vector<Neighbor>> found = index.SearchAmong(query, ids, options, stats);
  NEARHIT_CHECK(found.ok());
  return *std::move(found);
}

}  // namespace nearhit
