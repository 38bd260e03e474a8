// Opening a database over its store, and closing it.

#include <chrono>
#include <filesystem>
#include <functional>
#include <utility>

#include "engine/database/database_impl.h"
#include "engine/database/namespace_embedder.h"
#include "engine/storage/cached_store.h"
#include "engine/storage/memory_store.h"
#include "engine/storage/rocksdb_store.h"
#include "engine/storage/watched_store.h"

namespace nearhit {

namespace {

constexpr std::size_t kMaxPayloadLimit = std::size_t{64} << 20;
constexpr std::size_t kRowsShare = 8;  // of the cache's bytes, one in so many is for rows

class FunctionClock final : public Clock {
 public:
  FunctionClock(std::function<std::int64_t()> now, std::function<std::int64_t()> steady)
      : now_(std::move(now)), steady_(std::move(steady)) {}
  std::int64_t NowMicros() const override { return now_ ? now_() : System().NowMicros(); }
  std::int64_t SteadyMicros() const override { return steady_ ? steady_() : now_(); }

 private:
  const std::function<std::int64_t()> now_;  // one of the two may be empty
  const std::function<std::int64_t()> steady_;
};

}  // namespace

DatabaseImpl::DatabaseImpl(const DatabaseOptions& options)
    : options_(options),
      snapshot_dir_(options.in_memory ? std::filesystem::path() : options.path / "index"),
      reembeddings_([this](Reembedding* change) { return SwitchOver(change); },
                    std::chrono::milliseconds(options.maintenance_interval_ms), LogSink()) {
  if (options.now_us || options.steady_us) {
    own_clock_ = std::make_unique<FunctionClock>(options.now_us, options.steady_us);
  }
}

void DatabaseImpl::Log(LogLevel level, const std::string& line) const {
  if (options_.log) {
    MutexLock lock(&log_mu_);
    options_.log(level, line);
  }
}

FaultLog::Sink DatabaseImpl::LogSink() const {
  return [this](LogLevel level, const std::string& line) { Log(level, line); };
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
  const std::size_t row_bytes = options_.block_cache_bytes / kRowsShare;
  if (options_.in_memory) {
    store_ = WatchStore(NewMemoryStore(), LogSink());
  } else if (options_.path.empty()) {
    return InvalidArgument("path is empty");
  } else {
    NEARHIT_ASSIGN_OR_RETURN(
        store_, OpenRocksDbStore({.path = options_.path,
                                  .block_cache_bytes = options_.block_cache_bytes - row_bytes,
                                  .log = options_.log}));
    store_ = CacheRows(WatchStore(std::move(store_), LogSink()), row_bytes);
  }
  MutexLock admin(&admin_mu_);
  NEARHIT_ASSIGN_OR_RETURN(Catalogue catalogue, Catalogue::Load(store_.get()));
  secret_ = catalogue.secret();
  catalogue_ = std::move(catalogue);
  NEARHIT_ASSIGN_OR_RETURN(ids_, IdAllocator::Open(store_.get()));
  for (const NamespaceRecord& record : catalogue_->namespaces()) {
    NEARHIT_ASSIGN_OR_RETURN(Contents contents, OpenContents(record, EmbedderFor(record)));
    entries_from_snapshots_ += contents.collection->stats().from_snapshots;
    auto space = std::make_shared<Namespace>(&clock(), options_.max_payload_bytes, record,
                                             std::move(contents));
    if (record.reembedding) {
      StartReembedding(record, space, /*embedder=*/nullptr);
    }
    WriterLock lock(&spaces_mu_);
    spaces_[record.name] = std::move(space);
  }
  open_seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  if (store_->lost_sequences() > 0) {
    Log(LogLevel::kError, "recovery lost " + std::to_string(store_->lost_sequences()) +
                              " writes that had been made durable");
  }
  if (options_.background_maintenance) {
    maintenance_ = std::thread([this] { MaintenanceLoop(); });
    reembeddings_.Start();
  }
  return Status();
}

void DatabaseImpl::StopWaiting() {
  closing_ = true;
  reembeddings_.StopWaiting();
  for (const std::shared_ptr<Namespace>& space : All()) {
    space->StopWork();
    const Namespace::Call call(space.get());
    if (!call.status().ok() || call.record().config.kind != NamespaceKind::kCache) {
      continue;
    }
    if (const std::shared_ptr<EmbedderService> service = call.cache().embedder()) {
      service->embedder()->Stop();
    }
  }
}

DatabaseImpl::~DatabaseImpl() {
  StopWaiting();
  if (maintenance_.joinable()) {
    {
      MutexLock lock(&stop_mu_);
      stop_ = true;
    }
    stop_changed_.NotifyAll();
    maintenance_.join();
  }
  reembeddings_.Stop();
  if (store_ == nullptr) {
    return;
  }
  if (const Status written = WriteSnapshots(); !written.ok()) {
    Log(LogLevel::kWarning, "index snapshots were not written: " + written.ToString());
  }
  for (const std::shared_ptr<Reembedding>& change : reembeddings_.All()) {
    // They only make the next start of the work faster.
    change->WriteSnapshots().IgnoreError();
  }
  for (const std::shared_ptr<Namespace>& space : All()) {
    space->Close(Unavailable("the database is closed"));
  }
  if (const Status flushed = store_->Flush(); !flushed.ok()) {
    Log(LogLevel::kError, "the last flush failed: " + flushed.ToString());
  }
}

// A missing key file or model must not keep the answers away: without it the exact tier and given
// vectors work on.
std::shared_ptr<const Embedder> DatabaseImpl::EmbedderFor(const NamespaceRecord& record) const {
  NamespaceConfig config = record.config;
  const Result<std::shared_ptr<const Embedder>> made = EmbedderOf(&config);
  Status usable = made.status();
  if (usable.ok() && IdentityOf(made->get()) != record.embedder_identity) {
    // Another model in the same place: its vectors say nothing about those that are stored.
    usable = FailedPrecondition("the embedder is " + IdentityOf(made->get()) +
                                ", the vectors are of " + record.embedder_identity);
  }
  if (!usable.ok()) {
    Log(LogLevel::kError,
        "namespace " + record.name + " goes on without its embedder: " + usable.ToString());
    return nullptr;
  }
  return *made;
}

Result<std::unique_ptr<Collection>> DatabaseImpl::OpenCollection(NamespaceNumber number,
                                                                 NamespaceNumber key_number,
                                                                 std::uint32_t dimension,
                                                                 Metric metric,
                                                                 NamespaceKind kind) const {
  return Collection::Open(
      store_.get(), &clock(), ids_.get(), secret_,
      {.ns = number,
       .key_number = key_number,
       .dimension = dimension,
       .metric = metric,
       .snapshot_dir = snapshot_dir_,
       .graph_threshold = PartitionIndex::ThresholdFor(
           dimension, kind == NamespaceKind::kCache ? PartitionIndex::kGraphThreshold
                                                    : PartitionIndex::kSearchGraphThreshold)});
}

Result<Contents> DatabaseImpl::OpenContents(const NamespaceRecord& record,
                                            std::shared_ptr<const Embedder> embedder) {
  Contents contents;
  NEARHIT_ASSIGN_OR_RETURN(contents.collection,
                           OpenCollection(record.number, record.key_number, record.config.dimension,
                                          record.config.metric, record.config.kind));
  if (const std::uint64_t damaged = contents.collection->stats().damaged; damaged > 0) {
    Log(LogLevel::kError, "namespace " + record.name + ": the vectors of " +
                              std::to_string(damaged) +
                              " entries are missing or damaged; they are left out of searches");
  }
  if (record.config.kind == NamespaceKind::kCache) {
    auto labels = std::make_shared<LabelBook>(store_.get(), &clock(), record.number);
    NEARHIT_RETURN_IF_ERROR(labels->Load());
    if (labels->damaged() > 0) {
      Log(LogLevel::kError, "namespace " + record.name + ": " + std::to_string(labels->damaged()) +
                                " labels are damaged; they are left out");
    }
    contents.cache = std::make_unique<nearhit::Cache>(
        contents.collection.get(), &clock(), std::move(labels), std::move(embedder), record.config,
        std::make_shared<FaultLog>("the embedder of namespace " + record.name, LogSink()));
  } else {
    contents.vectors = std::make_unique<nearhit::Vectors>(contents.collection.get(), &clock());
  }
  return contents;
}

Result<std::unique_ptr<Database>> Database::Open(const DatabaseOptions& options) {
  auto database = std::make_unique<DatabaseImpl>(options);
  NEARHIT_RETURN_IF_ERROR(database->Start());
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace nearhit
