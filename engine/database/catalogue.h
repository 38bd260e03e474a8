// The database's own records in Family::kMeta: hash secret, namespaces, changes of their embedders
// that are under way, contents still to be dropped. Byte tables: docs/formats.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "engine/storage/keys.h"
#include "engine/storage/kv_store.h"
#include "nearhit/options.h"
#include "nearhit/result.h"

namespace nearhit {

// A change of a namespace's embedder that is under way: the entries of `from`, with vectors of
// another embedder, are being gathered in `to`. Stored in a record of its own.
struct PendingReembedding {
  NamespaceNumber from = 0;
  NamespaceNumber to = 0;
  NamespaceNumber key_number = 0;  // of `to`, as in NamespaceRecord
  std::uint32_t dimension = 0;
  std::string identity;
  std::optional<float> threshold;  // takes effect together with the vectors it was chosen for
  EmbedderSpec embedder;

  friend bool operator==(const PendingReembedding&, const PendingReembedding&) = default;
};

struct NamespaceRecord {
  std::string name;
  NamespaceNumber number = 0;
  // That of its first contents, with which the keys of its entries are hashed: what is known of a
  // key outlives a change of the embedder.
  NamespaceNumber key_number = 0;
  NamespaceConfig config;
  std::string embedder_identity;
  std::int64_t created_us = 0;
  std::optional<PendingReembedding> reembedding{};
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

  // Null when there is none; valid until the next call that is not const.
  const NamespaceRecord* Find(std::string_view name) const;

  // Each is one durable write; on error nothing changed. Numbers that the namespace had and has no
  // longer, those of a re-embedding included, are marked as dropped.
  Status Put(const NamespaceRecord& record);  // new or changed
  Status Remove(std::string_view name);
  Status FinishDrop(NamespaceNumber number);

 private:
  explicit Catalogue(KvStore* store) : store_(store) {}
  Status LoadSecret();
  Status LoadNamespaces();
  Status LoadReembeddings();

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
// Leaves out `reembedding`, which has a record of its own:
std::string EncodeReembedding(std::string_view storage_key, const PendingReembedding& change);
Result<PendingReembedding> DecodeReembedding(std::string_view storage_key, std::string_view value);
std::string EncodeSecret(std::string_view storage_key, const HashSecret& secret);
Result<HashSecret> DecodeSecret(std::string_view storage_key, std::string_view value);
std::string EncodeNextNumber(std::string_view storage_key, NamespaceNumber next);
Result<NamespaceNumber> DecodeNextNumber(std::string_view storage_key, std::string_view value);

}  // namespace nearhit
