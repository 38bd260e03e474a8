// Ids of the entries of a collection, by what they have in common.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/collection/collection_state.h"
#include "engine/collection/collection_types.h"
#include "engine/collection/entry_reader.h"
#include "nearhit/result.h"

namespace nearhit {

// The methods are those of Collection, where they are explained.
//
// Thread-safety: thread-safe.
class EntryLister {
 public:
  explicit EntryLister(CollectionState* state) : state_(state), reader_(state) {}

  std::vector<EntryId> Ids() const;
  Result<std::vector<EntryId>> Select(const EntrySelection& selection) const;
  Result<std::vector<EntryId>> ExpiredIds(std::size_t limit) const;
  Result<std::vector<EntryId>> IdsAfter(EntryId after, std::size_t limit) const;

 private:
  CollectionState* const state_;
  const EntryReader reader_;
};

}  // namespace nearhit
