#include "engine/collection/entry_table.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace nearhit {

std::vector<TagNumber> EntryTable::InternTags(std::span<const std::string> tags) {
  std::vector<TagNumber> numbers;
  if (tags.empty()) {
    return numbers;
  }
  numbers.reserve(tags.size());
  WriterLock lock(&mu_);
  for (const std::string& tag : tags) {
    const TagNumber number = tags_.Intern(tag);
    const auto place = std::lower_bound(numbers.begin(), numbers.end(), number);
    if (place != numbers.end() && *place == number) {
      tags_.Release(number);
    } else {
      numbers.insert(place, number);
    }
  }
  return numbers;
}

void EntryTable::ReleaseTags(std::span<const TagNumber> tags) {
  WriterLock lock(&mu_);
  for (const TagNumber tag : tags) {
    tags_.Release(tag);
  }
}

std::string EntryTable::TagText(TagNumber tag) const {
  ReaderLock lock(&mu_);
  return tags_.Text(tag);
}

const IdSet& EntryTable::EntriesOf(const std::string& tag, const IdSet& none) const {
  const std::optional<TagNumber> number = tags_.Find(tag);
  return number ? tags_.Entries(*number) : none;
}

IdSet EntryTable::Matching(const TagFilter& filter) const {
  const IdSet none;
  IdSet matching;
  ReaderLock lock(&mu_);
  for (const std::string& tag : filter.any_of) {
    matching.Unite(EntriesOf(tag, none));
  }
  bool narrowed = !filter.any_of.empty();
  for (const std::string& tag : filter.all_of) {
    if (narrowed) {
      matching.Intersect(EntriesOf(tag, none));
    } else {
      matching = EntriesOf(tag, none);
      narrowed = true;
    }
  }
  if (!narrowed) {
    matching = ids_;
  }
  for (const std::string& tag : filter.none_of) {
    matching.Subtract(EntriesOf(tag, none));
  }
  return matching;
}

std::size_t EntryTable::tag_count() const {
  ReaderLock lock(&mu_);
  return tags_.size();
}

void EntryTable::Insert(EntryId id, EntryState state) {
  WriterLock lock(&mu_);
  EntryState& inserted = entries_[id.value];
  inserted = std::move(state);
  IndexTagsLocked(id, inserted);
  CommitLocked(id, &inserted);
}

void EntryTable::IndexTagsLocked(EntryId id, const EntryState& state) {
  ids_.Insert(id);
  for (const TagNumber tag : state.tags) {
    tags_.AddEntry(tag, id);
  }
}

void EntryTable::ReleaseTagsLocked(EntryId id, const EntryState& state) {
  ids_.Erase(id);
  for (const TagNumber tag : state.tags) {
    tags_.RemoveEntry(tag, id);
    tags_.Release(tag);
  }
}

void EntryTable::CommitLocked(EntryId id, EntryState* state) {
  state->announced = false;
  bytes_ += state->bytes;
  CountVectorLocked(*state, 1);
  std::uint64_t& newest = newest_by_key_[state->key_hash];
  newest = std::max(newest, id.value);
  changes_.Note(id);
}

void EntryTable::Announce(EntryId id, EntryState state) {
  WriterLock lock(&mu_);
  state.announced = true;
  IndexTagsLocked(id, state);
  entries_[id.value] = std::move(state);
  ++announced_;
}

void EntryTable::Commit(EntryId id) {
  WriterLock lock(&mu_);
  EntryState* const found = entries_.Find(id.value);
  NEARHIT_CHECK(found != nullptr && found->announced);
  --announced_;
  CommitLocked(id, found);
}

void EntryTable::Retract(EntryId id) {
  WriterLock lock(&mu_);
  const EntryState* const found = entries_.Find(id.value);
  NEARHIT_CHECK(found != nullptr && found->announced);
  --announced_;
  ReleaseTagsLocked(id, *found);
  entries_.Erase(id.value);
}

void EntryTable::AddTag(EntryId id, TagNumber tag) {
  WriterLock lock(&mu_);
  EntryState* const found = entries_.Find(id.value);
  if (found == nullptr) {
    return;
  }
  std::vector<TagNumber>& tags = found->tags;
  tags.insert(std::lower_bound(tags.begin(), tags.end(), tag), tag);
  tags_.AddReference(tag);
  tags_.AddEntry(tag, id);
}

std::optional<EntryState> EntryTable::Find(EntryId id) const {
  ReaderLock lock(&mu_);
  const EntryState* const found = entries_.Find(id.value);
  return found == nullptr ? std::nullopt : std::optional<EntryState>(*found);
}

EntryId EntryTable::FindKey(const Hash128& key_hash) const {
  ReaderLock lock(&mu_);
  const std::uint64_t* const found = newest_by_key_.Find(key_hash);
  return found == nullptr ? EntryId{} : EntryId{*found};
}

bool EntryTable::Erase(EntryId id) {
  WriterLock lock(&mu_);
  const EntryState* const found = entries_.Find(id.value);
  if (found == nullptr) {
    return false;
  }
  bytes_ -= found->bytes;
  CountVectorLocked(*found, static_cast<std::uint64_t>(-1));
  ReleaseTagsLocked(id, *found);
  // Unless a newer entry has replaced it.
  if (const std::uint64_t* const newest = newest_by_key_.Find(found->key_hash);
      newest != nullptr && *newest == id.value) {
    newest_by_key_.Erase(found->key_hash);
  }
  entries_.Erase(id.value);
  changes_.Note(id);
  return true;
}

// `entries` wraps around: all ones are one less.
void EntryTable::CountVectorLocked(const EntryState& state, std::uint64_t entries) {
  if (!state.has_vector) {
    without_vector_ += entries;
    wanting_vectors_ += state.unreadable_text ? 0 : entries;
  }
}

void EntryTable::AddVector(EntryId id, std::uint64_t bytes) {
  WriterLock lock(&mu_);
  EntryState* const found = entries_.Find(id.value);
  NEARHIT_CHECK(found != nullptr && !found->has_vector);
  CountVectorLocked(*found, static_cast<std::uint64_t>(-1));
  bytes_ += bytes - found->bytes;
  found->bytes = bytes;
  found->has_vector = true;
  found->unreadable_text = false;
}

void EntryTable::NoteUnreadableText(EntryId id) {
  WriterLock lock(&mu_);
  EntryState* const found = entries_.Find(id.value);
  if (found == nullptr || found->announced || found->has_vector) {
    return;
  }
  CountVectorLocked(*found, static_cast<std::uint64_t>(-1));
  found->unreadable_text = true;
  CountVectorLocked(*found, 1);
}

std::uint64_t EntryTable::without_vector() const {
  ReaderLock lock(&mu_);
  return without_vector_;
}

std::vector<EntryId> EntryTable::WantingVectors(std::size_t limit) const {
  std::vector<EntryId> ids;
  for (std::size_t segment = 0; ids.size() < limit; ++segment) {
    ReaderLock lock(&mu_);
    if (wanting_vectors_ == 0 || segment == entries_.segments()) {
      break;
    }
    entries_.ForEachIn(segment, [&ids](std::uint64_t id, const EntryState& state) {
      if (!state.announced && !state.has_vector && !state.unreadable_text) {
        ids.push_back(EntryId{id});
      }
    });
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());  // while some come, met twice
  ids.resize(std::min(ids.size(), limit));
  return ids;
}

void EntryTable::ForEach(const std::function<void(EntryId, const EntryState&)>& visit) const {
  for (std::size_t segment = 0;; ++segment) {
    ReaderLock lock(&mu_);
    if (segment == entries_.segments()) {
      return;
    }
    entries_.ForEachIn(segment, [&visit](std::uint64_t id, const EntryState& state) {
      if (!state.announced) {
        visit(EntryId{id}, state);
      }
    });
  }
}

std::uint64_t EntryTable::size() const {
  ReaderLock lock(&mu_);
  return entries_.size() - announced_;
}

std::uint64_t EntryTable::bytes() const {
  ReaderLock lock(&mu_);
  return bytes_;
}

}  // namespace nearhit
