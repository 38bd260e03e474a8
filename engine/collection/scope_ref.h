// A scope as a call finds it: hashed once and compared once, whatever is asked of it.
#pragma once

#include <optional>
#include <string_view>

#include "base/hash.h"
#include "engine/collection/partition.h"
#include "engine/collection/scope_hasher.h"

namespace nearhit {

// Collection::Resolve fills it. It is then valid for that collection only, and may outlive it.
//
// Thread-safety: externally synchronized.
class ScopeRef {
 public:
  // `text` must outlive it.
  explicit ScopeRef(std::string_view text) : text_(text) {}

  std::string_view text() const { return text_; }

  // The rest: once it is resolved.
  // Whether entries are stored in the scope, or on their way.
  bool has_entries() const { return partition_ != nullptr && partition_->in_use.load() > 0; }
  // What the exact tier knows `key` of this scope by; the same for as long as the namespace lives.
  Hash128 HashOf(std::string_view key) const { return ScopeHasher::OfKey(*hasher_, key); }
  std::optional<PartitionNumber> partition() const {
    return partition_ == nullptr ? std::nullopt : std::optional(partition_->number);
  }

 private:
  friend class EntryReader;
  friend class EntrySearcher;

  std::optional<KeyedHasher> hasher_;  // with the scope in it, for the hashes of its keys
  std::string_view text_;
  PartitionPtr partition_;  // null: no entry was ever stored in the scope
  bool resolved_ = false;   // whether partition_ was compared with text_
};

}  // namespace nearhit
