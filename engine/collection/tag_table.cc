#include "engine/collection/tag_table.h"

namespace nearhit {

TagNumber TagTable::Intern(std::string_view tag) {
  const auto [number, inserted] = numbers_.try_emplace(std::string(tag), 0);
  if (inserted) {
    while (tags_.contains(next_)) {
      ++next_;  // after 2^32 of them
    }
    number->second = next_++;
    tags_[number->second].text = number->first;
  }
  ++tags_[number->second].references;
  return number->second;
}

void TagTable::AddReference(TagNumber tag) {
  ++tags_.at(tag).references;
}

void TagTable::Release(TagNumber tag) {
  const auto found = tags_.find(tag);
  if (found != tags_.end() && --found->second.references == 0) {
    numbers_.erase(std::string(found->second.text));
    tags_.erase(found);
  }
}

void TagTable::AddEntry(TagNumber tag, EntryId id) {
  tags_.at(tag).entries.Insert(id);
}

void TagTable::RemoveEntry(TagNumber tag, EntryId id) {
  tags_.at(tag).entries.Erase(id);
}

const IdSet& TagTable::Entries(TagNumber tag) const {
  return tags_.at(tag).entries;
}

std::optional<TagNumber> TagTable::Find(std::string_view tag) const {
  const auto found = numbers_.find(std::string(tag));
  return found == numbers_.end() ? std::nullopt : std::optional<TagNumber>(found->second);
}

std::string TagTable::Text(TagNumber tag) const {
  const auto found = tags_.find(tag);
  return found == tags_.end() ? std::string() : std::string(found->second.text);
}

}  // namespace nearhit
