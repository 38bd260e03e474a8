// A TagFilter made ready for one search: tag texts resolved to numbers, evaluated per candidate.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/collection/entry_table.h"
#include "index/vector_index.h"
#include "nearhit/vector_store.h"

namespace nearhit {

// Accepts live entries (not expired at `now_us`) whose tags pass the filter.
//
// Thread-safety: const methods thread-safe. `table` and `filter` must outlive the matcher.
class TagMatcher final : public IdFilter {
 public:
  TagMatcher(const EntryTable* table, const TagFilter& filter, std::int64_t now_us);

  bool Accepts(EntryId id) const override;

  // At most this many entries can pass; the size of the table when the filter only excludes.
  std::uint64_t upper_bound() const { return upper_bound_; }
  // The required tag that fewest entries have, of the filter's; null when none is required.
  const std::string* rarest() const { return rarest_; }

 private:
  const EntryTable* const table_;
  const std::int64_t now_us_;
  std::vector<TagNumber> all_of_;
  std::vector<TagNumber> any_of_;
  std::vector<TagNumber> none_of_;
  const std::string* rarest_ = nullptr;
  std::uint64_t upper_bound_ = 0;
};

}  // namespace nearhit
