#include "engine/collection/entry_lister.h"

#include <algorithm>
#include <optional>
#include <string>

namespace nearhit {

namespace {
// A visit of the table may meet an entry twice while others come.
void SortOnce(std::vector<EntryId>* ids) {
  std::sort(ids->begin(), ids->end());
  ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
}
}  // namespace

std::vector<EntryId> EntryLister::Ids() const {
  std::vector<EntryId> ids;
  ids.reserve(state_->table.size());
  state_->table.ForEach([&ids](EntryId id, const EntryState&) { ids.push_back(id); });
  SortOnce(&ids);
  return ids;
}

Result<std::vector<EntryId>> EntryLister::Select(const EntrySelection& selection) const {
  std::optional<PartitionNumber> partition;
  if (selection.scope) {
    ScopeRef scope(*selection.scope);
    NEARHIT_RETURN_IF_ERROR(reader_.Resolve(&scope, ReadMode::kBlocking));
    partition = scope.partition();
    if (!partition) {
      return std::vector<EntryId>();
    }
  }
  std::vector<EntryId> ids;
  const auto take = [&](EntryId id, const EntryState& state) {
    if (!state.announced && (!partition || state.partition == *partition) &&
        (!selection.created_before_us || state.created_us < *selection.created_before_us)) {
      ids.push_back(id);
    }
  };
  if (selection.tags.empty()) {
    state_->table.ForEach(take);
    SortOnce(&ids);
    return ids;
  }
  const TagFilter tagged{.all_of = {selection.tags.begin(), selection.tags.end()}};
  for (const EntryId id : state_->table.Matching(tagged).Ids()) {
    state_->table.With(id, [&](const EntryState& state) { take(id, state); });
  }
  return ids;
}

Result<std::vector<EntryId>> EntryLister::ExpiredIds(std::size_t limit) const {
  const std::string begin = ExpiryKey(state_->options.ns, 0, EntryId{});
  const std::string end = ExpiryKey(state_->options.ns, state_->clock->NowMicros() + 1, EntryId{});
  std::vector<EntryId> ids;
  NEARHIT_RETURN_IF_ERROR(state_->store->Scan(Family::kExpiry, begin, end, {.limit = limit},
                                              [&ids](std::string_view key, std::string_view) {
                                                if (const auto parts = ParseExpiryKey(key)) {
                                                  ids.push_back(parts->id);
                                                }
                                                return true;
                                              }));
  return ids;
}

Result<std::vector<EntryId>> EntryLister::IdsAfter(EntryId after, std::size_t limit) const {
  const std::string begin = EntryKey(state_->options.ns, EntryId{after.value + 1});
  const std::string end = PrefixEnd(NamespacePrefix(state_->options.ns));
  std::vector<EntryId> ids;
  NEARHIT_RETURN_IF_ERROR(state_->store->Scan(Family::kHeaders, begin, end, {.limit = limit},
                                              [&ids](std::string_view key, std::string_view) {
                                                if (const auto id = ParseEntryKey(key)) {
                                                  ids.push_back(*id);
                                                }
                                                return true;
                                              }));
  return ids;
}

}  // namespace nearhit
