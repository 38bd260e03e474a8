// The hashes that locate scopes and keys of one namespace. They are keyed with the database's
// secret, and whoever finds something by one compares the bytes.
#pragma once

#include <optional>
#include <string_view>

#include "base/hash.h"
#include "engine/storage/keys.h"

namespace nearhit {

// Thread-safety: constant.
class ScopeHasher {
 public:
  ScopeHasher(const HashSecret& secret, NamespaceNumber key_number)
      : secret_(secret), key_number_(key_number) {}
  ~ScopeHasher() = default;
  ScopeHasher(const ScopeHasher&) = delete;  // a KeyedHasher points to the secret
  ScopeHasher& operator=(const ScopeHasher&) = delete;

  Hash128 OfScope(std::string_view scope) const {
    return KeyedHasher(secret_).Update(key_number_).Update(scope).Digest();
  }
  // Keeps the hasher, with the scope in it, for the keys of that scope. It must not outlive this.
  Hash128 OfScope(std::string_view scope, std::optional<KeyedHasher>* hasher) const {
    return hasher->emplace(secret_).Update(key_number_).Update(scope).Digest();
  }

  Hash128 OfKey(std::string_view scope, std::string_view key) const {
    return KeyedHasher(secret_).Update(key_number_).Update(scope).Update(key).Digest();
  }
  static Hash128 OfKey(const KeyedHasher& scope, std::string_view key) {
    KeyedHasher hasher = scope;
    return hasher.Update(key).Digest();
  }

 private:
  const HashSecret secret_;
  const NamespaceNumber key_number_;
};

}  // namespace nearhit
