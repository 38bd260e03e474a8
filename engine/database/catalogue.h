// The database's own records in Family::kMeta: hash secret, namespaces, contents still to be
// dropped. Byte tables: docs/formats.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "engine/storage/keys.h"
#include "engine/storage/kv_store.h"
#include "nearhit/options.h"
#include "nearhit/result.h"

namespace nearhit {

struct NamespaceRecord {
  std::string name;
  NamespaceNumber number = 0;
  NamespaceConfig config;
  std::string embedder_identity;
  std::int64_t created_us = 0;
};

// Thread-safety: externally synchronized.
class Catalogue {
 public:
  // Reads the catalogue; makes and stores the hash secret of a new database.
  // Errors: those of storage; kDataLoss for damage; kFailedPrecondition for another version.
  static Result<Catalogue> Load(KvStore* store);

  const HashSecret& secret() const { return secret_; }
  const std::vector<NamespaceRecord>& namespaces() const { return namespaces_; }
  // Numbers whose contents are to be removed.
  const std::vector<NamespaceNumber>& dropped() const { return dropped_; }

  // A number that was never used before.
  NamespaceNumber NextNumber() const { return next_number_; }

  // Each is one durable write; on error nothing changed.
  Status Put(const NamespaceRecord& record);  // new or changed; an old number is marked as dropped
  Status Remove(std::string_view name);       // its number is marked as dropped
  Status FinishDrop(NamespaceNumber number);

 private:
  explicit Catalogue(KvStore* store) : store_(store) {}
  Status LoadSecret();
  Status LoadNamespaces();

  KvStore* store_;
  HashSecret secret_{};
  std::vector<NamespaceRecord> namespaces_;
  std::vector<NamespaceNumber> dropped_;
  NamespaceNumber next_number_ = 1;
};

// Exposed for tests of the format. Errors of the decoders: kDataLoss; kFailedPrecondition for
// another version.
std::string EncodeNamespace(std::string_view storage_key, const NamespaceRecord& record);
Result<NamespaceRecord> DecodeNamespace(std::string_view storage_key, std::string_view value);
std::string EncodeSecret(std::string_view storage_key, const HashSecret& secret);
Result<HashSecret> DecodeSecret(std::string_view storage_key, std::string_view value);
std::string EncodeNextNumber(std::string_view storage_key, NamespaceNumber next);
Result<NamespaceNumber> DecodeNextNumber(std::string_view storage_key, std::string_view value);

}  // namespace nearhit
