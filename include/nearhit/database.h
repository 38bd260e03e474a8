// A nearhit database: one directory, its namespaces, and handles to use them.
//
//   auto db = nearhit::Database::Open({.path = "/var/lib/app/cache"});
//   nearhit::NamespaceConfig config;
//   config.embedder.kind = "lexical";
//   NEARHIT_RETURN_IF_ERROR((*db)->CreateNamespace("support", config));
//   auto cache = (*db)->Cache("support");
//   auto hit = (*cache)->Lookup({.scope = "gpt-4o", .slot = "How do I reset my password?"}, {});
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nearhit/options.h"
#include "nearhit/result.h"
#include "nearhit/semantic_cache.h"
#include "nearhit/stats.h"
#include "nearhit/vector_store.h"

namespace nearhit {

// What a namespace's embedder makes of texts.
struct Embeddings {
  std::string embedder_identity{};
  // [i] is the vector of texts[i], as the embedder made it: of its dimension, not scaled to length
  // 1. Empty when the text has no vector.
  std::vector<std::vector<float>> vectors{};
};

// Thread-safety: thread-safe.
class Database {
 public:
  // Opens or creates the database at options.path and brings its indexes up to date.
  //
  // Errors: kInvalidArgument for a bad option; kFailedPrecondition when another process has it open
  // or its format is newer than this build (the message names both versions); kDataLoss when
  // storage is damaged beyond what recovery may ignore; kUnavailable for a failing disk.
  static Result<std::unique_ptr<Database>> Open(const DatabaseOptions& options);

  // StopWaiting(); waits for running calls, writes index snapshots and the high-water mark, closes
  // storage. A re-embedding is left where it is.
  // Handles that are still around then answer kUnavailable.
  virtual ~Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Names: 1..kMaxNamespaceNameBytes of [a-z0-9_-.], starting with a letter or a digit.
  // Errors: kInvalidArgument; kAlreadyExists; kResourceExhausted over kMaxNamespaces.
  virtual Status CreateNamespace(std::string_view name, const NamespaceConfig& config) = 0;
  // The kInvalidArgument that CreateNamespace has for these before it looks at the embedder.
  static Status CheckNamespace(std::string_view name, const NamespaceConfig& config);
  virtual Result<std::vector<NamespaceInfo>> ListNamespaces() const = 0;  // ascending by name
  virtual Result<NamespaceInfo> DescribeNamespace(std::string_view name) const = 0;
  // Errors: kNotFound; kInvalidArgument; kFailedPrecondition for another embedder without
  // `reembed`; with either of both, those of making the embedder. Nothing changed then.
  virtual Status UpdateNamespace(std::string_view name, const NamespaceUpdate& update) = 0;
  // Gone at once for every caller; its disk space is freed in the background.
  virtual Status DropNamespace(std::string_view name) = 0;

  // Errors: kNotFound; kFailedPrecondition when the namespace is of the other kind.
  virtual Result<std::shared_ptr<SemanticCache>> Cache(std::string_view name) = 0;
  virtual Result<std::shared_ptr<VectorStore>> Vectors(std::string_view name) = 0;

  // The vectors that the embedder of the namespace `name` makes of `texts`: 1..kMaxBatch of them,
  // each valid UTF-8 of 1..kMaxSlotBytes. Nothing is stored or counted.
  //
  // Errors: kNotFound; kFailedPrecondition when the namespace has no embedder, or has one that
  // could not be used since the database was opened; kInvalidArgument names the text's index, its
  // size and the limit; those of Embedder::Embed, but a text that is refused though others are
  // taken has an empty vector.
  virtual Result<Embeddings> Embed(std::string_view name, std::span<const std::string_view> texts,
                                   std::chrono::steady_clock::time_point deadline) const = 0;

  virtual DatabaseStats Stats() const = 0;

  // Makes everything acknowledged so far durable against a power cut and records the high-water
  // mark.
  virtual Status Flush() = 0;

  // Copies the database to `directory`, which must not exist, in a directory that does. Calls go on
  // meanwhile. The copy has everything that was acknowledged before the call, nothing that was
  // deleted before it, and a part of what happens during it. It is a database of its own, without
  // index snapshots: its first start rebuilds the indexes. Files that no longer change are hard
  // links when `directory` is on the file system of the database, copies otherwise.
  //
  // The copy is opened for reading before it gets its name: each of its tables and blob files must
  // have its size, and the rows of the catalogue and the headers of the entries must be as many as
  // here. Not all bytes of vectors and answers are read.
  //
  // Errors leave nothing behind: kFailedPrecondition for an in-memory database; kAlreadyExists;
  // kInvalidArgument for a directory inside the database; kNotFound without a parent directory;
  // kDataLoss when the copy is not what it has to be; kResourceExhausted; kUnavailable.
  virtual Result<BackupInfo> Backup(const std::filesystem::path& directory) = 0;

  // One round of what the background thread does: reclaims expired entries, makes vectors that an
  // embedder owes, drops empty partitions, moves partitions between index tiers. It does not
  // Flush(). With background_maintenance off it first makes the changes of embedders that are due;
  // one that fails stays for the next call and is no error of this one. Safe at any time.
  virtual Status RunMaintenance() = 0;

  // For an owner who is about to close: calls that wait for an embedder end soon, as if it had
  // failed, and so do those to come; work of the background is left where it is.
  virtual void StopWaiting() = 0;

  // Writes index snapshots now, so that the next Open need not rebuild.
  virtual Status WriteSnapshots() = 0;

 protected:
  Database() = default;
};

}  // namespace nearhit
