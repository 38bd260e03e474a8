// nearhit::Database as it is: the catalogue of namespaces over one store, and the thread that
// maintains them. database_open.cc opens and closes it, database.cc administers namespaces,
// database_embed.cc asks their embedders, database_maintenance.cc does what happens in the
// background, database_reembed.cc begins and ends changes of embedders.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/fault_log.h"
#include "base/mutex.h"
#include "engine/collection/id_allocator.h"
#include "engine/database/catalogue.h"
#include "engine/database/namespace.h"
#include "engine/database/reembedding.h"
#include "engine/database/reembedding_queue.h"
#include "engine/storage/kv_store.h"
#include "nearhit/database.h"

namespace nearhit {

// Thread-safety: thread-safe after Start().
class DatabaseImpl final : public Database {
 public:
  explicit DatabaseImpl(const DatabaseOptions& options);
  ~DatabaseImpl() override;
  DatabaseImpl(const DatabaseImpl&) = delete;
  DatabaseImpl& operator=(const DatabaseImpl&) = delete;

  // Opens storage and every namespace; called once, before anything else.
  Status Start();

  Status CreateNamespace(std::string_view name, const NamespaceConfig& config) override;
  Result<std::vector<NamespaceInfo>> ListNamespaces() const override;
  Result<NamespaceInfo> DescribeNamespace(std::string_view name) const override;
  Status UpdateNamespace(std::string_view name, const NamespaceUpdate& update) override;
  Status DropNamespace(std::string_view name) override;
  Result<std::shared_ptr<SemanticCache>> Cache(std::string_view name) override;
  Result<std::shared_ptr<VectorStore>> Vectors(std::string_view name) override;
  Result<Embeddings> Embed(std::string_view name, std::span<const std::string_view> texts,
                           std::chrono::steady_clock::time_point deadline) const override;
  DatabaseStats Stats() const override;
  Status Flush() override { return store_->Flush(); }
  Result<BackupInfo> Backup(const std::filesystem::path& directory) override;
  Status RunMaintenance() override;
  Status WriteSnapshots() override;
  void StopWaiting() override;

 private:
  const Clock& clock() const { return own_clock_ != nullptr ? *own_clock_ : Clock::System(); }
  void Log(LogLevel level, const std::string& line) const;
  FaultLog::Sink LogSink() const;
  // The one that made the namespace's vectors; null when there is none or it cannot be had.
  std::shared_ptr<const Embedder> EmbedderFor(const NamespaceRecord& record) const;
  Result<std::unique_ptr<Collection>> OpenCollection(NamespaceNumber number,
                                                     NamespaceNumber key_number,
                                                     std::uint32_t dimension, Metric metric,
                                                     NamespaceKind kind) const;
  Result<Contents> OpenContents(const NamespaceRecord& record,
                                std::shared_ptr<const Embedder> embedder);
  Result<std::shared_ptr<Namespace>> Find(std::string_view name, NamespaceKind kind) const;
  Result<std::shared_ptr<Namespace>> Named(std::string_view name) const;
  std::vector<std::shared_ptr<Namespace>> All() const;
  NamespaceInfo InfoOf(const Namespace& space) const;
  Status DropContents() NEARHIT_REQUIRES(maintenance_mu_);
  void MaintenanceLoop();

  // Changes of embedders; database_reembed.cc.
  //
  // Takes the place of one for the same namespace.
  void StartReembedding(const NamespaceRecord& record, std::shared_ptr<Namespace> space,
                        std::shared_ptr<const Embedder> embedder) NEARHIT_REQUIRES(admin_mu_);
  // Whether the namespace has switched; if not, more has to be copied first.
  Result<bool> SwitchOver(Reembedding* change);
  Result<bool> PublishCopy(Reembedding* change) NEARHIT_REQUIRES(admin_mu_);

  // Constant after Start().
  const DatabaseOptions options_;
  const std::filesystem::path snapshot_dir_;  // empty: no snapshots
  std::unique_ptr<const Clock> own_clock_;
  std::unique_ptr<KvStore> store_;
  std::unique_ptr<IdAllocator> ids_;
  HashSecret secret_{};
  double open_seconds_ = 0;
  std::uint64_t entries_from_snapshots_ = 0;

  // Administration, one at a time; held across storage. Taken after maintenance_mu_, before the
  // other locks.
  mutable Mutex admin_mu_;
  std::optional<Catalogue> catalogue_ NEARHIT_GUARDED_BY(admin_mu_);
  // Dropped contents that calls may still be reading.
  std::set<NamespaceNumber> retiring_ NEARHIT_GUARDED_BY(admin_mu_);
  Mutex maintenance_mu_;  // rounds of maintenance take turns
  Mutex snapshots_mu_;    // and so do those who write snapshots, into the same files

  mutable Mutex log_mu_;  // lines go out one at a time

  mutable SharedMutex spaces_mu_;
  std::map<std::string, std::shared_ptr<Namespace>, std::less<>> spaces_
      NEARHIT_GUARDED_BY(spaces_mu_);

  std::atomic<bool> closing_{false};  // for work of the background that takes long
  Mutex stop_mu_;
  CondVar stop_changed_;
  bool stop_ NEARHIT_GUARDED_BY(stop_mu_) = false;
  std::thread maintenance_;

  ReembeddingQueue reembeddings_;  // synchronizes itself; last, because its work uses the others
};

}  // namespace nearhit
