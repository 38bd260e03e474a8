#include "engine/collection/tag_matcher.h"

#include <algorithm>

namespace nearhit {

TagMatcher::TagMatcher(const EntryTable* table, const TagFilter& filter, std::int64_t now_us)
    : table_(table), now_us_(now_us), upper_bound_(table->size()) {
  for (const std::string& tag : filter.all_of) {
    const std::optional<TagNumber> number = table->FindTag(tag);
    if (!number) {
      upper_bound_ = 0;  // nobody has it
      return;
    }
    all_of_.push_back(*number);
    const std::uint64_t count = table->TagCount(*number);
    if (rarest_ == nullptr || count < upper_bound_) {
      rarest_ = &tag;
      upper_bound_ = std::min(upper_bound_, count);
    }
  }
  std::uint64_t any_count = 0;
  for (const std::string& tag : filter.any_of) {
    if (const std::optional<TagNumber> number = table->FindTag(tag)) {
      any_of_.push_back(*number);
      any_count += table->TagCount(*number);
    }
  }
  if (!filter.any_of.empty()) {
    upper_bound_ = std::min(upper_bound_, any_count);
  }
  for (const std::string& tag : filter.none_of) {
    if (const std::optional<TagNumber> number = table->FindTag(tag)) {
      none_of_.push_back(*number);
    }
  }
}

bool TagMatcher::Accepts(EntryId id) const {
  bool accepted = false;
  table_->With(id, [this, &accepted](const EntryState& state) {
    const auto has = [&state](TagNumber tag) {
      return std::binary_search(state.tags.begin(), state.tags.end(), tag);
    };
    accepted = !state.ExpiredAt(now_us_) && std::all_of(all_of_.begin(), all_of_.end(), has) &&
               (any_of_.empty() || std::any_of(any_of_.begin(), any_of_.end(), has)) &&
               std::none_of(none_of_.begin(), none_of_.end(), has);
  });
  return accepted;
}

}  // namespace nearhit
