#include "engine/storage/keys.h"

#include "base/coding.h"

namespace nearhit {

namespace {

constexpr std::size_t kNamespaceBytes = sizeof(NamespaceNumber);
constexpr std::size_t kIdBytes = sizeof(std::uint64_t);

std::uint64_t ReadId(std::string_view key) {
  return ByteReader(key.substr(key.size() - kIdBytes)).BigEndian64();
}

}  // namespace

std::string NamespacePrefix(NamespaceNumber ns) {
  std::string key;
  PutBigEndian32(&key, ns);
  return key;
}

std::string PartitionKey(NamespaceNumber ns, PartitionNumber partition) {
  std::string key = NamespacePrefix(ns);
  PutBigEndian64(&key, partition);
  return key;
}

std::string EntryKey(NamespaceNumber ns, EntryId id) {
  std::string key = NamespacePrefix(ns);
  PutBigEndian64(&key, id.value);
  return key;
}

std::string ExactKey(NamespaceNumber ns, const Hash128& hash) {
  std::string key = NamespacePrefix(ns);
  PutBigEndian64(&key, hash.high);
  PutBigEndian64(&key, hash.low);
  return key;
}

std::string TagPrefix(NamespaceNumber ns, std::string_view tag) {
  std::string key = NamespacePrefix(ns);
  // The length in front keeps one tag's rows apart from those of a longer tag that begins with it.
  PutFixed(&key, __builtin_bswap16(static_cast<std::uint16_t>(tag.size())));
  key += tag;
  return key;
}

std::string TagKey(NamespaceNumber ns, std::string_view tag, EntryId id) {
  std::string key = TagPrefix(ns, tag);
  PutBigEndian64(&key, id.value);
  return key;
}

std::string ExpiryKey(NamespaceNumber ns, std::int64_t expires_us, EntryId id) {
  std::string key = NamespacePrefix(ns);
  PutBigEndian64(&key, static_cast<std::uint64_t>(expires_us));
  PutBigEndian64(&key, id.value);
  return key;
}

std::string LabelKey(NamespaceNumber ns, const LabelKeyParts& parts) {
  std::string key = NamespacePrefix(ns);
  for (const Hash128& hash : {parts.asked, parts.matched}) {
    PutBigEndian64(&key, hash.high);
    PutBigEndian64(&key, hash.low);
  }
  key.push_back(parts.trusted ? '\x01' : '\x00');
  return key;
}

std::optional<EntryId> ParseEntryKey(std::string_view key) {
  if (key.size() != kNamespaceBytes + kIdBytes) {
    return std::nullopt;
  }
  return EntryId{ReadId(key)};
}

std::optional<PartitionNumber> ParsePartitionKey(std::string_view key) {
  if (key.size() != kNamespaceBytes + sizeof(PartitionNumber)) {
    return std::nullopt;
  }
  return ReadId(key);
}

std::optional<EntryId> ParseTagKey(std::string_view key) {
  ByteReader reader(key);
  reader.BigEndian32();
  const std::uint16_t tag_bytes = __builtin_bswap16(reader.Fixed<std::uint16_t>());
  reader.Raw(tag_bytes);
  const EntryId id{reader.BigEndian64()};
  return reader.AtEnd() ? std::optional<EntryId>(id) : std::nullopt;
}

std::string_view TagOfKey(std::string_view key) {
  key.remove_prefix(kNamespaceBytes + sizeof(std::uint16_t));
  key.remove_suffix(kIdBytes);
  return key;
}

std::optional<ExpiryKeyParts> ParseExpiryKey(std::string_view key) {
  if (key.size() != kNamespaceBytes + 2 * kIdBytes) {
    return std::nullopt;
  }
  ByteReader reader(key.substr(kNamespaceBytes));
  ExpiryKeyParts parts;
  parts.expires_us = static_cast<std::int64_t>(reader.BigEndian64());
  parts.id = EntryId{reader.BigEndian64()};
  return parts;
}

std::optional<LabelKeyParts> ParseLabelKey(std::string_view key) {
  if (key.size() != kNamespaceBytes + 2 * sizeof(Hash128) + 1 || key.back() < 0 || key.back() > 1) {
    return std::nullopt;
  }
  ByteReader reader(key.substr(kNamespaceBytes));
  LabelKeyParts parts;
  for (Hash128* hash : {&parts.asked, &parts.matched}) {
    hash->high = reader.BigEndian64();
    hash->low = reader.BigEndian64();
  }
  parts.trusted = key.back() == 1;
  return parts;
}

}  // namespace nearhit
