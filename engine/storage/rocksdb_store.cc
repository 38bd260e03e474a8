#include "engine/storage/rocksdb_store.h"

#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/file_system.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include "base/check.h"
#include "base/coding.h"
#include "base/mutex.h"
#include "engine/storage/ballast.h"
#include "engine/storage/bearings.h"
#include "engine/storage/high_water_mark.h"
#include "engine/storage/log_repair.h"
#include "engine/storage/log_watch.h"
#include "engine/storage/no_wait_env.h"
#include "engine/storage/rocksdb_backup.h"
#include "engine/storage/rocksdb_options.h"
#include "engine/storage/rocksdb_probe.h"
#include "engine/storage/rocksdb_status.h"
#include "engine/storage/write_gate.h"

namespace nearhit {

namespace {

constexpr std::string_view kFormatKey = "format";
constexpr std::uint32_t kFormatVersion = 1;
constexpr std::size_t kDropChunk = 1'000;

rocksdb::Slice ToSlice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}
std::string_view ToView(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

class RocksDbStore final : public KvStore {
 public:
  explicit RocksDbStore(const RocksDbStoreOptions& options)
      : options_(options),
        mark_(options.path / "HIGHWATER"),
        logs_(std::make_shared<LogWatch>([this](std::uint64_t log) { return mark_.Forget(log); })),
        env_(NewNoWaitEnv(
            WatchLogs(options.file_system ? options.file_system : rocksdb::FileSystem::Default(),
                      options.path, logs_))) {}
  ~RocksDbStore() override;
  RocksDbStore(const RocksDbStore&) = delete;
  RocksDbStore& operator=(const RocksDbStore&) = delete;

  Status Open();

  Status Get(Family family, std::string_view key, ReadMode mode, std::string* value) const override;
  Status Write(const WriteBatch& batch, bool sync) override;
  Status Scan(Family family, std::string_view begin, std::string_view end,
              const ScanOptions& options, const ScanVisitor& visit) const override;
  Status DropPrefix(std::string_view prefix) override;
  Status Flush() override;
  Result<BackupInfo> Backup(const std::filesystem::path& directory) override;
  std::uint64_t LatestSequence() const override { return db_->GetLatestSequenceNumber(); }
  std::uint64_t lost_sequences() const override { return lost_sequences_; }
  std::uint64_t DiskBytes() const override;

 private:
  rocksdb::ColumnFamilyHandle* Handle(Family family) const {
    return handles_[static_cast<std::size_t>(family)];
  }
  void Log(LogLevel level, const std::string& line) const;
  // What HIGHWATER says, if there is one: without files when it is damaged.
  Result<std::optional<HighWaterMark>> FindBearings();
  Status OpenDatabase();
  Status NoFormat() const;
  Status CheckFormat(bool must_be_there);
  void CompareWithMark(const HighWaterMark& mark);
  Status Write(rocksdb::WriteBatch* batch, bool sync);
  Status SyncLog();
  bool GiveBallastBack();

  const RocksDbStoreOptions options_;
  MarkFile mark_;
  const std::shared_ptr<LogWatch> logs_;
  const std::unique_ptr<rocksdb::Env> env_;  // of db_
  WriteGate gate_{logs_};
  Ballast ballast_{options_.path / "BALLAST", options_.ballast_bytes};
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;  // owned; destroyed before db_
  std::uint64_t lost_sequences_ = 0;

  Mutex backup_mu_;  // one at a time
  Mutex mark_mu_;
  std::uint64_t marked_ NEARHIT_GUARDED_BY(mark_mu_) = 0;
};

void RocksDbStore::Log(LogLevel level, const std::string& line) const {
  if (options_.log) {
    options_.log(level, line);
  }
}

Status RocksDbStore::Open() {
  std::error_code error;
  if (std::filesystem::create_directories(options_.path, error)) {
    std::filesystem::permissions(options_.path, std::filesystem::perms::owner_all, error);
  }
  if (error) {
    return Unavailable("cannot create " + options_.path.string() + ": " + error.message());
  }
  Result<std::optional<HighWaterMark>> mark = FindBearings();
  NEARHIT_RETURN_IF_ERROR(mark.status());
  const HighWaterMark known = mark->value_or(HighWaterMark());
  Status opened = OpenDatabase();
  if (opened.code() == StatusCode::kDataLoss) {
    NEARHIT_RETURN_IF_ERROR(CutTornLog(options_.path, known, opened, options_.log));
    opened = OpenDatabase();
  }
  if (opened.code() == StatusCode::kResourceExhausted && GiveBallastBack()) {
    opened = OpenDatabase();
  }
  NEARHIT_RETURN_IF_ERROR(opened);
  NEARHIT_RETURN_IF_ERROR(CheckFormat(/*must_be_there=*/mark->has_value()));
  CompareWithMark(known);
  if (const Status marked = Flush(); !marked.ok()) {
    Log(LogLevel::kWarning, "the high-water mark was not written: " + marked.ToString());
  }
  return Status();
}

// RocksDB deletes files that its manifest does not name. So it opens a database to write only when
// its files are those of the mark, or when what is there has a format.
Result<std::optional<HighWaterMark>> RocksDbStore::FindBearings() {
  Result<HighWaterMark> mark = ReadHighWaterMark(mark_.path());
  if (mark.status().code() == StatusCode::kNotFound) {
    return std::optional<HighWaterMark>();
  }
  HighWaterMark known;
  Bearings bearings;
  if (mark.ok()) {
    known = *mark;
    mark_.Known(known);
    NEARHIT_ASSIGN_OR_RETURN(bearings, CheckFiles(options_.path, known));
  } else {
    Log(LogLevel::kWarning, mark.status().ToString() + "; set aside");
  }
  for (const std::string& line : bearings.lost) {
    Log(LogLevel::kError, "storage has lost writes: " + line);
  }
  if (!bearings.certain && LacksRow(env_.get(), options_.path, kFormatKey)) {
    return NoFormat();
  }
  if (!mark.ok()) {
    std::error_code ignored;  // the next flush writes a new mark either way
    std::filesystem::rename(mark_.path(), mark_.path().string() + ".damaged", ignored);
  }
  return std::optional<HighWaterMark>(std::move(known));
}

Status RocksDbStore::OpenDatabase() {
  const auto cache = rocksdb::NewLRUCache(options_.block_cache_bytes);
  rocksdb::Options open = TunedOptions(env_.get(), options_.log);
  open.listeners.push_back(gate_.listener());
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened =
      rocksdb::DB::Open(open, options_.path.string(), TunedFamilies(cache), &handles_, &db);
  if (IsHeldLock(opened)) {
    return FailedPrecondition("database " + options_.path.string() +
                              " is in use by another process");
  }
  NEARHIT_RETURN_IF_ERROR(FromRocksDb(opened));
  db_.reset(db);
  return Status();
}

Status RocksDbStore::NoFormat() const {
  return DataLoss("storage is damaged: " + options_.path.string() +
                  " has a HIGHWATER but no format row; a manifest or a log has lost its end");
}

Status RocksDbStore::CheckFormat(bool must_be_there) {
  std::string value;
  const Status read = Get(Family::kMeta, kFormatKey, ReadMode::kBlocking, &value);
  if (read.code() == StatusCode::kNotFound) {
    if (must_be_there) {
      return NoFormat();
    }
    WriteBatch batch;
    PutFixed(&value, kFormatVersion);
    batch.Put(Family::kMeta, std::string(kFormatKey), value);
    return Write(batch, /*sync=*/true);
  }
  NEARHIT_RETURN_IF_ERROR(read);
  ByteReader reader(value);
  const auto version = reader.Fixed<std::uint32_t>();
  if (!reader.AtEnd() || version != kFormatVersion) {
    return FailedPrecondition("database format " + std::to_string(version) +
                              " is not readable by this build (reads " +
                              std::to_string(kFormatVersion) + ")");
  }
  return Status();
}

void RocksDbStore::CompareWithMark(const HighWaterMark& mark) {
  const std::uint64_t latest = db_->GetLatestSequenceNumber();
  if (latest < mark.sequence) {
    lost_sequences_ = mark.sequence - latest;
    Log(LogLevel::kError, "storage recovered to sequence " + std::to_string(latest) +
                              ", but was durable to " + std::to_string(mark.sequence));
  }
}

RocksDbStore::~RocksDbStore() {
  if (db_ == nullptr) {
    return;
  }
  if (const Status flushed = Flush(); !flushed.ok()) {
    Log(LogLevel::kError, "the last flush failed: " + flushed.ToString());
  }
  for (rocksdb::ColumnFamilyHandle* handle : handles_) {
    db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
  const rocksdb::Status closed = db_->Close();
  if (!closed.ok()) {
    Log(LogLevel::kError, "closing storage failed: " + closed.ToString());
  }
}

Status RocksDbStore::Get(Family family, std::string_view key, ReadMode mode,
                         std::string* value) const {
  std::optional<NoWaitReads> in_memory_only;
  if (mode == ReadMode::kNonBlocking) {
    in_memory_only.emplace();
  }
  return FromRocksDb(db_->Get(rocksdb::ReadOptions(), Handle(family), ToSlice(key), value));
}

Status RocksDbStore::Write(const WriteBatch& batch, bool sync) {
  rocksdb::WriteBatch native;
  for (const WriteBatch::Operation& operation : batch.operations()) {
    const rocksdb::Status added =
        operation.kind == WriteBatch::Kind::kPut
            ? native.Put(Handle(operation.family), operation.key, operation.value)
            : native.Delete(Handle(operation.family), operation.key);
    NEARHIT_RETURN_IF_ERROR(FromRocksDb(added));
  }
  const bool frees = Frees(batch);
  if (!frees && ballast_.released()) {
    ballast_.Restore();
  }
  if (!frees && ballast_.released()) {
    return ResourceExhausted("storage has no space left but for deletes");
  }
  Status written = Write(&native, sync);
  if (frees && written.code() == StatusCode::kResourceExhausted && GiveBallastBack()) {
    written = Write(&native, sync);
  }
  return written;
}

bool RocksDbStore::GiveBallastBack() {
  if (!ballast_.Release()) {
    return false;
  }
  Log(LogLevel::kWarning, "storage has no space left: " + std::to_string(options_.ballast_bytes) +
                              " bytes that were kept for deletes are free now");
  gate_.TryAtOnce();
  return true;
}

Status RocksDbStore::Write(rocksdb::WriteBatch* batch, bool sync) {
  rocksdb::WriteOptions options;
  options.sync = sync;
  return gate_.Run(db_.get(), [&] { return db_->Write(options, batch); });
}

Status RocksDbStore::Scan(Family family, std::string_view begin, std::string_view end,
                          const ScanOptions& options, const ScanVisitor& visit) const {
  rocksdb::ReadOptions read;
  read.fill_cache = options.fill_cache;
  read.total_order_seek = true;  // the exact tier's prefixes do not bound a scan
  const rocksdb::Slice upper = ToSlice(end);
  if (!end.empty()) {
    read.iterate_upper_bound = &upper;
  }
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(read, Handle(family)));
  std::size_t left = options.limit;
  for (it->Seek(ToSlice(begin)); left > 0 && it->Valid(); it->Next()) {
    --left;
    if (!visit(ToView(it->key()), ToView(it->value()))) {
      return Status();
    }
  }
  return FromRocksDb(it->status());
}

Status RocksDbStore::DropPrefix(std::string_view prefix) {
  const std::string end = PrefixEnd(prefix);
  const rocksdb::Slice first = ToSlice(prefix);
  const rocksdb::Slice last = ToSlice(end);
  for (std::size_t i = 0; i < kFamilyCount; ++i) {
    const auto family = static_cast<Family>(i);
    if (family == Family::kMeta) {
      continue;
    }
    // Key by key: range tombstones have known defects in this series
    // (docs/decisions/0005-rocksdb.md).
    WriteBatch batch;
    Status failed;
    NEARHIT_RETURN_IF_ERROR(Scan(family, prefix, end, {.fill_cache = false},
                                 [&](std::string_view key, std::string_view) {
                                   batch.Delete(family, std::string(key));
                                   if (batch.operations().size() >= kDropChunk) {
                                     failed = Write(batch, /*sync=*/false);
                                     batch.Clear();
                                   }
                                   return failed.ok();
                                 }));
    NEARHIT_RETURN_IF_ERROR(failed);
    NEARHIT_RETURN_IF_ERROR(Write(batch, /*sync=*/false));
    rocksdb::CompactRangeOptions compact;
    compact.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    compact.exclusive_manual_compaction = false;
    NEARHIT_RETURN_IF_ERROR(FromRocksDb(
        db_->CompactRange(compact, Handle(family), &first, end.empty() ? nullptr : &last)));
  }
  return Status();
}

// By a write of nothing. FlushWAL(true) does not ask whether the log has failed before, and a
// failed one hits an assertion of Debian's build; a write is refused.
Status RocksDbStore::SyncLog() {
  rocksdb::WriteBatch nothing;
  return Write(&nothing, /*sync=*/true);
}

Status RocksDbStore::Flush() {
  MutexLock lock(&mark_mu_);
  NEARHIT_RETURN_IF_ERROR(gate_.Ready(db_.get()));
  ballast_.Restore();
  // Read before the sync: everything up to here is in the log that the sync covers.
  const std::uint64_t sequence = db_->GetLatestSequenceNumber();
  if (sequence == marked_) {
    return Status();
  }
  NEARHIT_RETURN_IF_ERROR(SyncLog());
  HighWaterMark mark{.sequence = sequence};
  NEARHIT_ASSIGN_OR_RETURN(mark.manifest, SyncManifest(options_.path));
  NEARHIT_RETURN_IF_ERROR(mark_.Record(std::move(mark), [this] { return logs_->Durable(); }));
  marked_ = sequence;
  return Status();
}

Result<BackupInfo> RocksDbStore::Backup(const std::filesystem::path& directory) {
  MutexLock lock(&backup_mu_);
  NEARHIT_RETURN_IF_ERROR(Flush());
  return MakeBackup({.db = db_.get(), .families = handles_, .path = options_.path}, directory,
                    [this] { return gate_.failures(); });
}

std::uint64_t RocksDbStore::DiskBytes() const {
  std::uint64_t bytes = 0;
  for (const rocksdb::ColumnFamilyHandle* handle : handles_) {
    for (const char* property : {"rocksdb.total-sst-files-size", "rocksdb.total-blob-file-size"}) {
      std::uint64_t value = 0;
      auto* mutable_handle = const_cast<rocksdb::ColumnFamilyHandle*>(handle);
      if (db_->GetIntProperty(mutable_handle, property, &value)) {
        bytes += value;
      }
    }
  }
  return bytes;
}

}  // namespace

Result<std::unique_ptr<KvStore>> OpenRocksDbStore(const RocksDbStoreOptions& options) {
  auto store = std::make_unique<RocksDbStore>(options);
  NEARHIT_RETURN_IF_ERROR(store->Open());
  return std::unique_ptr<KvStore>(std::move(store));
}

}  // namespace nearhit
