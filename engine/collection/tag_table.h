// The tags of one namespace by number, so that an entry holds four bytes of each, and the entries
// that have them. A tag that no
// entry has any more is forgotten: tags made of user or trace ids would fill memory otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/collection/id_set.h"
#include "nearhit/types.h"

namespace nearhit {

using TagNumber = std::uint32_t;

// Thread-safety: externally synchronized; const methods may run together.
class TagTable {
 public:
  TagTable() = default;
  ~TagTable() = default;
  TagTable(const TagTable&) = delete;
  TagTable& operator=(const TagTable&) = delete;

  // The number of a tag, a new one if need be, with one more reference to it.
  TagNumber Intern(std::string_view tag);
  void AddReference(TagNumber tag);  // requires: it has one
  void Release(TagNumber tag);       // after the last one the tag is forgotten

  std::optional<TagNumber> Find(std::string_view tag) const;
  // Which entries have the tag. Requires: it has a reference.
  void AddEntry(TagNumber tag, EntryId id);
  void RemoveEntry(TagNumber tag, EntryId id);
  const IdSet& Entries(TagNumber tag) const;

  // Empty for a number without a tag.
  std::string Text(TagNumber tag) const;
  std::size_t size() const { return tags_.size(); }

 private:
  struct Tag {
    std::string_view text;  // a key of numbers_
    std::uint64_t references = 0;
    IdSet entries;
  };

  std::unordered_map<std::string, TagNumber> numbers_;
  std::unordered_map<TagNumber, Tag> tags_;
  // Counts on past forgotten numbers: a search that holds one must not take it for another tag's.
  TagNumber next_ = 0;
};

}  // namespace nearhit
