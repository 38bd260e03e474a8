// nearhit::Database: the catalogue of namespaces over one store, and the thread that maintains
// them.

#include "nearhit/database.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/mutex.h"
#include "engine/collection/id_allocator.h"
#include "engine/database/catalogue.h"
#include "engine/database/namespace.h"
#include "engine/database/reembed.h"
#include "engine/database/validate.h"
#include "engine/storage/memory_store.h"
#include "engine/storage/rocksdb_store.h"

namespace nearhit {

namespace {

constexpr std::size_t kMaxPayloadLimit = std::size_t{64} << 20;

class FunctionClock final : public Clock {
 public:
  explicit FunctionClock(std::function<std::int64_t()> now) : now_(std::move(now)) {}
  std::int64_t NowMicros() const override { return now_(); }

 private:
  const std::function<std::int64_t()> now_;
};

Status NoSuchNamespace(std::string_view name) {
  return NotFound("namespace \"" + std::string(name.substr(0, kMaxNamespaceNameBytes)) +
                  "\" does not exist");
}

class DatabaseImpl final : public Database {
 public:
  explicit DatabaseImpl(const DatabaseOptions& options) : options_(options) {
    if (options.now_us) {
      own_clock_ = std::make_unique<FunctionClock>(options.now_us);
    }
  }
  ~DatabaseImpl() override;
  DatabaseImpl(const DatabaseImpl&) = delete;
  DatabaseImpl& operator=(const DatabaseImpl&) = delete;

  Status Start();

  Status CreateNamespace(std::string_view name, const NamespaceConfig& config) override;
  Result<std::vector<NamespaceInfo>> ListNamespaces() const override;
  Result<NamespaceInfo> DescribeNamespace(std::string_view name) const override;
  Status UpdateNamespace(std::string_view name, const NamespaceUpdate& update) override;
  Status DropNamespace(std::string_view name) override;
  Result<std::shared_ptr<SemanticCache>> Cache(std::string_view name) override;
  Result<std::shared_ptr<VectorStore>> Vectors(std::string_view name) override;
  DatabaseStats Stats() const override;
  Status Flush() override { return store_->Flush(); }
  Status RunMaintenance() override;
  Status WriteSnapshots() override;

 private:
  const Clock& clock() const { return own_clock_ != nullptr ? *own_clock_ : Clock::System(); }
  void Log(LogLevel level, const std::string& line) const;
  Result<std::shared_ptr<const Embedder>> EmbedderOf(const NamespaceConfig& config) const;
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

void DatabaseImpl::Log(LogLevel level, const std::string& line) const {
  if (options_.log) {
    options_.log(level, line);
  }
}

Status DatabaseImpl::Start() {
  const auto began = std::chrono::steady_clock::now();
  if (options_.max_payload_bytes == 0 || options_.max_payload_bytes > kMaxPayloadLimit) {
    return InvalidArgument("max_payload_bytes is " + std::to_string(options_.max_payload_bytes) +
                           ", it must be in 1.." + std::to_string(kMaxPayloadLimit));
  }
  if (options_.maintenance_interval_ms == 0) {
    return InvalidArgument("maintenance_interval_ms is 0, it must be at least 1");
  }
  if (options_.in_memory) {
    store_ = NewMemoryStore();
  } else if (options_.path.empty()) {
    return InvalidArgument("path is empty");
  } else {
    NEARHIT_ASSIGN_OR_RETURN(store_,
                             OpenRocksDbStore({.path = options_.path,
                                               .block_cache_bytes = options_.block_cache_bytes,
                                               .log = options_.log}));
  }
  MutexLock admin(&admin_mu_);
  NEARHIT_ASSIGN_OR_RETURN(Catalogue catalogue, Catalogue::Load(store_.get()));
  catalogue_ = std::move(catalogue);
  NEARHIT_ASSIGN_OR_RETURN(ids_, IdAllocator::Open(store_.get()));
  for (const NamespaceRecord& record : catalogue_->namespaces()) {
    Result<std::shared_ptr<const Embedder>> embedder = EmbedderOf(record.config);
    if (!embedder.ok()) {
      // A missing key file must not keep the answers away: the exact tier and given vectors work
      // on.
      Log(LogLevel::kError, "namespace " + record.name +
                                " goes on without its embedder: " + embedder.status().ToString());
      embedder = std::shared_ptr<const Embedder>();
    }
    NEARHIT_ASSIGN_OR_RETURN(Contents contents, OpenContents(record, *embedder));
    entries_from_snapshots_ += contents.collection->entries_from_snapshots();
    WriterLock lock(&spaces_mu_);
    spaces_[record.name] = std::make_shared<Namespace>(&clock(), options_.max_payload_bytes, record,
                                                       std::move(contents));
  }
  open_seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  if (store_->lost_sequences() > 0) {
    Log(LogLevel::kError, "recovery lost " + std::to_string(store_->lost_sequences()) +
                              " writes that had been made durable");
  }
  if (options_.background_maintenance) {
    maintenance_ = std::thread([this] { MaintenanceLoop(); });
  }
  return Status();
}

DatabaseImpl::~DatabaseImpl() {
  if (maintenance_.joinable()) {
    {
      MutexLock lock(&stop_mu_);
      stop_ = true;
    }
    stop_changed_.NotifyAll();
    maintenance_.join();
  }
  if (store_ == nullptr) {
    return;
  }
  if (const Status written = WriteSnapshots(); !written.ok()) {
    Log(LogLevel::kWarning, "index snapshots were not written: " + written.ToString());
  }
  for (const std::shared_ptr<Namespace>& space : All()) {
    space->Close(Unavailable("the database is closed"));
  }
  if (const Status flushed = store_->Flush(); !flushed.ok()) {
    Log(LogLevel::kError, "the last flush failed: " + flushed.ToString());
  }
}

Result<std::shared_ptr<const Embedder>> DatabaseImpl::EmbedderOf(
    const NamespaceConfig& config) const {
  return MakeEmbedder(config.embedder, config.dimension);
}

Result<Contents> DatabaseImpl::OpenContents(const NamespaceRecord& record,
                                            std::shared_ptr<const Embedder> embedder) {
  Contents contents;
  NEARHIT_ASSIGN_OR_RETURN(
      contents.collection,
      Collection::Open(store_.get(), &clock(), ids_.get(), catalogue_->secret(),
                       {.ns = record.number,
                        .dimension = record.config.dimension,
                        .metric = record.config.metric,
                        .snapshot_dir = options_.in_memory ? std::filesystem::path()
                                                           : options_.path / "index"}));
  if (const std::uint64_t damaged = contents.collection->damaged_entries(); damaged > 0) {
    Log(LogLevel::kError, "namespace " + record.name + ": the vectors of " +
                              std::to_string(damaged) +
                              " entries are missing or damaged; they are left out of searches");
  }
  if (record.config.kind == NamespaceKind::kCache) {
    contents.cache = std::make_unique<nearhit::Cache>(contents.collection.get(), &clock(),
                                                      std::move(embedder), record.config);
  }
  return contents;
}

Status DatabaseImpl::CreateNamespace(std::string_view name, const NamespaceConfig& config) {
  NEARHIT_RETURN_IF_ERROR(CheckName(name));
  NEARHIT_ASSIGN_OR_RETURN(const NamespaceConfig checked, CheckConfig(config));
  NEARHIT_ASSIGN_OR_RETURN(std::shared_ptr<const Embedder> embedder, EmbedderOf(checked));
  MutexLock admin(&admin_mu_);
  const auto& existing = catalogue_->namespaces();
  if (std::any_of(existing.begin(), existing.end(),
                  [name](const NamespaceRecord& record) { return record.name == name; })) {
    return AlreadyExists("namespace \"" + std::string(name) + "\" exists");
  }
  if (existing.size() >= kMaxNamespaces) {
    return ResourceExhausted("there are " + std::to_string(existing.size()) +
                             " namespaces, the limit is " + std::to_string(kMaxNamespaces));
  }
  NamespaceRecord record{.name = std::string(name),
                         .number = catalogue_->NextNumber(),
                         .config = checked,
                         .embedder_identity = EmbedderIdentity(checked.embedder, checked.dimension),
                         .created_us = clock().NowMicros()};
  NEARHIT_ASSIGN_OR_RETURN(Contents contents, OpenContents(record, std::move(embedder)));
  NEARHIT_RETURN_IF_ERROR(catalogue_->Put(record));
  WriterLock lock(&spaces_mu_);
  spaces_[record.name] = std::make_shared<Namespace>(&clock(), options_.max_payload_bytes, record,
                                                     std::move(contents));
  return Status();
}

NamespaceInfo DatabaseImpl::InfoOf(const Namespace& space) {
  const Namespace::Call call(&space);
  NamespaceInfo info;
  if (!call.status().ok()) {
    return info;  // closed a moment ago: an empty name
  }
  const NamespaceRecord& record = call.record();
  info = {.name = record.name,
          .config = record.config,
          .embedder_identity = record.embedder_identity,
          .created_us = record.created_us,
          .stats = {}};
  const Collection& collection = call.collection();
  info.stats.entries = collection.table().size();
  info.stats.bytes = collection.table().bytes();
  info.stats.partitions = collection.partition_count();
  info.stats.graph_partitions = collection.graph_partition_count();
  info.stats.index_bytes = collection.index_bytes();
  info.stats.damaged_entries = collection.damaged_entries();
  if (record.config.kind == NamespaceKind::kCache) {
    call.cache().AddStats(&info.stats);
  }
  return info;
}

Result<std::shared_ptr<Namespace>> DatabaseImpl::Named(std::string_view name) const {
  ReaderLock lock(&spaces_mu_);
  const auto found = spaces_.find(name);
  if (found == spaces_.end()) {
    return NoSuchNamespace(name);
  }
  return found->second;
}

std::vector<std::shared_ptr<Namespace>> DatabaseImpl::All() const {
  ReaderLock lock(&spaces_mu_);
  std::vector<std::shared_ptr<Namespace>> all;
  for (const auto& [name, space] : spaces_) {
    all.push_back(space);
  }
  return all;
}

Result<std::vector<NamespaceInfo>> DatabaseImpl::ListNamespaces() const {
  std::vector<NamespaceInfo> list;
  for (const std::shared_ptr<Namespace>& space : All()) {
    NamespaceInfo info = InfoOf(*space);
    if (!info.name.empty()) {
      list.push_back(std::move(info));
    }
  }
  return list;
}

Result<NamespaceInfo> DatabaseImpl::DescribeNamespace(std::string_view name) const {
  NEARHIT_ASSIGN_OR_RETURN(std::shared_ptr<Namespace> space, Named(name));
  return InfoOf(*space);
}

Status DatabaseImpl::UpdateNamespace(std::string_view name, const NamespaceUpdate& update) {
  MutexLock admin(&admin_mu_);
  NEARHIT_ASSIGN_OR_RETURN(std::shared_ptr<Namespace> space, Named(name));
  const auto& records = catalogue_->namespaces();
  NamespaceRecord record = *std::find_if(
      records.begin(), records.end(), [name](const NamespaceRecord& r) { return r.name == name; });
  NEARHIT_ASSIGN_OR_RETURN(const bool reembed, ApplyUpdate(update, &record));
  NEARHIT_ASSIGN_OR_RETURN(std::shared_ptr<const Embedder> embedder, EmbedderOf(record.config));
  if (!reembed) {
    NEARHIT_RETURN_IF_ERROR(catalogue_->Put(record));
    space->Configure(record, std::move(embedder));
    return Status();
  }
  record.number = catalogue_->NextNumber();
  NEARHIT_ASSIGN_OR_RETURN(Contents contents, OpenContents(record, embedder));
  space->BeginReembedding();
  space->Drain();  // writes that had begun are in what is copied
  Status copied = Reembed(*space, *embedder, record.config.metric, contents.collection.get());
  if (copied.ok()) {
    // The cache counts the copied entries from the collection as it is now.
    contents.cache = std::make_unique<nearhit::Cache>(contents.collection.get(), &clock(), embedder,
                                                      record.config);
    copied = catalogue_->Put(record);
  }
  if (copied.ok()) {
    space->Swap(record, std::move(contents));
  } else {
    // What was copied under the new number is not named by any namespace; remove it again.
    store_->DropPrefix(NamespacePrefix(record.number)).IgnoreError();
  }
  space->EndReembedding();
  return copied;
}

Status DatabaseImpl::DropNamespace(std::string_view name) {
  MutexLock admin(&admin_mu_);
  std::shared_ptr<Namespace> space;
  {
    WriterLock lock(&spaces_mu_);
    const auto found = spaces_.find(name);
    if (found == spaces_.end()) {
      return NoSuchNamespace(name);
    }
    NEARHIT_RETURN_IF_ERROR(catalogue_->Remove(name));
    space = found->second;
    spaces_.erase(found);
  }
  space->Close(NoSuchNamespace(name));
  return Status();
}

Result<std::shared_ptr<Namespace>> DatabaseImpl::Find(std::string_view name,
                                                      NamespaceKind kind) const {
  NEARHIT_ASSIGN_OR_RETURN(std::shared_ptr<Namespace> space, Named(name));
  const Namespace::Call call(space.get());
  if (call.status().ok() && call.record().config.kind != kind) {
    return FailedPrecondition(
        "namespace \"" + std::string(name) + "\" is of kind " +
        (kind == NamespaceKind::kCache ? "vectors, not cache" : "cache, not vectors"));
  }
  return space;
}

Result<std::shared_ptr<SemanticCache>> DatabaseImpl::Cache(std::string_view name) {
  NEARHIT_ASSIGN_OR_RETURN(std::shared_ptr<Namespace> space, Find(name, NamespaceKind::kCache));
  return MakeCacheHandle(std::move(space));
}

Result<std::shared_ptr<VectorStore>> DatabaseImpl::Vectors(std::string_view name) {
  NEARHIT_ASSIGN_OR_RETURN(std::shared_ptr<Namespace> space, Find(name, NamespaceKind::kVectors));
  return MakeVectorsHandle(std::move(space));
}

DatabaseStats DatabaseImpl::Stats() const {
  DatabaseStats stats;
  for (const std::shared_ptr<Namespace>& space : All()) {
    const NamespaceInfo info = InfoOf(*space);
    ++stats.namespaces;
    stats.entries += info.stats.entries;
    stats.bytes += info.stats.bytes;
    stats.index_bytes += info.stats.index_bytes;
  }
  stats.disk_bytes = store_->DiskBytes();
  stats.last_sequence = store_->LatestSequence();
  stats.lost_sequences = store_->lost_sequences();
  stats.open_seconds = open_seconds_;
  stats.entries_from_snapshots = entries_from_snapshots_;
  return stats;
}

// Removes the contents of dropped namespaces; what a crash interrupts is begun again.
Status DatabaseImpl::DropContents() {
  std::vector<NamespaceNumber> numbers;
  {
    MutexLock admin(&admin_mu_);
    numbers = catalogue_->dropped();
  }
  for (const NamespaceNumber number : numbers) {
    NEARHIT_RETURN_IF_ERROR(store_->DropPrefix(NamespacePrefix(number)));
    MutexLock admin(&admin_mu_);
    NEARHIT_RETURN_IF_ERROR(catalogue_->FinishDrop(number));
  }
  return Status();
}

Status DatabaseImpl::RunMaintenance() {
  MutexLock turn(&maintenance_mu_);
  NEARHIT_RETURN_IF_ERROR(DropContents());
  for (const std::shared_ptr<Namespace>& space : All()) {
    const Namespace::Call call(space.get());
    if (!call.status().ok()) {
      continue;
    }
    NEARHIT_RETURN_IF_ERROR(call.record().config.kind == NamespaceKind::kCache
                                ? call.cache().Maintain()
                                : MaintainVectors(call.collection()));
  }
  return Status();
}

Status DatabaseImpl::WriteSnapshots() {
  for (const std::shared_ptr<Namespace>& space : All()) {
    const Namespace::Call call(space.get());
    if (call.status().ok()) {
      NEARHIT_RETURN_IF_ERROR(call.collection().WriteSnapshots());
    }
  }
  return Status();
}

void DatabaseImpl::MaintenanceLoop() {
  const auto interval = std::chrono::milliseconds(options_.maintenance_interval_ms);
  auto next = std::chrono::steady_clock::now() + interval;
  while (true) {
    {
      MutexLock lock(&stop_mu_);
      while (!stop_ && stop_changed_.WaitUntil(&stop_mu_, next)) {
      }
      if (stop_) {
        return;
      }
    }
    if (const Status done = RunMaintenance(); !done.ok()) {
      Log(LogLevel::kWarning, "a round of maintenance failed: " + done.ToString());
    }
    if (const Status flushed = store_->Flush(); !flushed.ok()) {
      Log(LogLevel::kWarning, "flushing the log failed: " + flushed.ToString());
    }
    next = std::chrono::steady_clock::now() + interval;
  }
}

}  // namespace

Result<std::unique_ptr<Database>> Database::Open(const DatabaseOptions& options) {
  auto database = std::make_unique<DatabaseImpl>(options);
  NEARHIT_RETURN_IF_ERROR(database->Start());
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace nearhit
