// nearhit::Database as it is: the catalogue of namespaces over one store, and the thread that
// maintains them. database_open.cc opens and closes it, database.cc administers namespaces,
// database_embed.cc asks their embedders, database_maintenance.cc does what happens in the
// background.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "engine/collection/id_allocator.h"
#include "engine/database/catalogue.h"
#include "engine/database/namespace.h"
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
  Status RunMaintenance() override;
  Status WriteSnapshots() override;

 private:
  const Clock& clock() const { return own_clock_ != nullptr ? *own_clock_ : Clock::System(); }
  void Log(LogLevel level, const std::string& line) const;
  // Null for none. Sets a dimension of 0 to the embedder's.
  static Result<std::shared_ptr<const Embedder>> EmbedderOf(NamespaceConfig* config);
  // "none" for null.
  static std::string IdentityOf(const Embedder* embedder);
  Result<Contents> OpenContents(const NamespaceRecord& record,
                                std::shared_ptr<const Embedder> embedder) REQUIRES(admin_mu_);
  Result<std::shared_ptr<Namespace>> Find(std::string_view name, NamespaceKind kind) const;
  Result<std::shared_ptr<Namespace>> Named(std::string_view name) const;
  std::vector<std::shared_ptr<Namespace>> All() const;
  static NamespaceInfo InfoOf(const Namespace& space);
  Status DropContents();
  void MaintenanceLoop();

  // Constant after Start().
  const DatabaseOptions options_;
  std::unique_ptr<const Clock> own_clock_;
  std::unique_ptr<KvStore> store_;
  std::unique_ptr<IdAllocator> ids_;
  double open_seconds_ = 0;
  std::uint64_t entries_from_snapshots_ = 0;

  // Administration, one at a time; held across storage. Taken before spaces_mu_.
  mutable Mutex admin_mu_;
  std::optional<Catalogue> catalogue_ GUARDED_BY(admin_mu_);
  Mutex maintenance_mu_;  // rounds of maintenance take turns

  mutable SharedMutex spaces_mu_;
  std::map<std::string, std::shared_ptr<Namespace>, std::less<>> spaces_ GUARDED_BY(spaces_mu_);

  Mutex stop_mu_;
  CondVar stop_changed_;
  bool stop_ GUARDED_BY(stop_mu_) = false;
  std::thread maintenance_;
};

}  // namespace nearhit
