// A TagFilter made ready for one search: the entries whose tags pass it.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "engine/collection/id_set.h"
#include "index/vector_index.h"

namespace nearhit {

// Accepts the entries of a set, expired or not.
//
// Thread-safety: const methods thread-safe.
class TagMatcher final : public IdFilter {
 public:
  explicit TagMatcher(IdSet ids) : ids_(std::move(ids)), count_(ids_.size()) {}

  bool Accepts(EntryId id) const override { return ids_.Contains(id); }
  std::uint64_t count() const override { return count_; }
  std::vector<EntryId> Ids() const override { return ids_.Ids(); }

 private:
  const IdSet ids_;
  const std::uint64_t count_;
};

}  // namespace nearhit
