// Layout of keys in every family. All start with the namespace's number, so that dropping a
// namespace is dropping a prefix; integers are big-endian, so that keys sort by value. Byte tables:
// docs/formats.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "nearhit/types.h"

namespace nearhit {

// Number of a namespace's contents; never used again. A re-embedded namespace gets a new one.
using NamespaceNumber = std::uint32_t;
// Number of a partition inside a namespace; never used again inside it.
using PartitionNumber = std::uint64_t;

std::string NamespacePrefix(NamespaceNumber ns);
std::string PartitionKey(NamespaceNumber ns, PartitionNumber partition);
// kHeaders, kVectors and kPayloads share this.
std::string EntryKey(NamespaceNumber ns, EntryId id);
std::string ExactKey(NamespaceNumber ns, const Hash128& hash);
std::string TagKey(NamespaceNumber ns, std::string_view tag, EntryId id);
// Every TagKey of `tag` starts with this, and no other key does.
std::string TagPrefix(NamespaceNumber ns, std::string_view tag);
std::string ExpiryKey(NamespaceNumber ns, std::int64_t expires_us, EntryId id);
// What was judged: the keys of the prompt and of the entry, and whether by those who are trusted.
struct LabelKeyParts {
  Hash128 asked{};
  Hash128 matched{};
  bool trusted = false;
};
std::string LabelKey(NamespaceNumber ns, const LabelKeyParts& parts);

// Nothing when `key` does not have the shape.
std::optional<EntryId> ParseEntryKey(std::string_view key);
std::optional<PartitionNumber> ParsePartitionKey(std::string_view key);
std::optional<EntryId> ParseTagKey(std::string_view key);
// The tag inside a TagKey; views into `key`. Requires: ParseTagKey(key) has a value.
std::string_view TagOfKey(std::string_view key);
struct ExpiryKeyParts {
  std::int64_t expires_us = 0;
  EntryId id;
};
std::optional<ExpiryKeyParts> ParseExpiryKey(std::string_view key);
std::optional<LabelKeyParts> ParseLabelKey(std::string_view key);

}  // namespace nearhit
