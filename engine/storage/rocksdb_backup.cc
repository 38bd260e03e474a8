#include "engine/storage/rocksdb_backup.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <rocksdb/db.h>
#include <rocksdb/metadata.h>
#include <rocksdb/options.h>
#include <rocksdb/snapshot.h>
#include <rocksdb/utilities/checkpoint.h>

#include "base/descriptor.h"
#include "engine/storage/bearings.h"
#include "engine/storage/high_water_mark.h"
#include "engine/storage/kv_store.h"
#include "engine/storage/log_repair.h"
#include "engine/storage/rocksdb_options.h"
#include "engine/storage/rocksdb_status.h"

namespace nearhit {

namespace {

// Of the logs. A flush that fails would stop the writes of the database.
constexpr std::uint64_t kNeverFlush = std::numeric_limits<std::uint64_t>::max();
constexpr int kMaxOpenFiles = 64;  // of the copy
constexpr Family kCounted[] = {Family::kMeta, Family::kHeaders};

Status Failed(const std::string& action, const std::filesystem::path& path, int error) {
  const std::string message =
      "cannot " + action + " " + path.string() + ": " + std::generic_category().message(error);
  switch (error) {
    case ENOENT:
      return NotFound(message);
    case ENOSPC:
    case EDQUOT:
      return ResourceExhausted(message);
    default:
      return Unavailable(message);
  }
}

Status Sync(const std::filesystem::path& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return fd.get() >= 0 && ::fsync(fd.get()) == 0 ? Status() : Failed("sync", path, errno);
}

// Where a copy is made: beside its target, and under a name that no target of the daemon has.
// Removed in the end, and so is what a crash has left of an earlier one.
class Staging {
 public:
  explicit Staging(const std::filesystem::path& target)
      : path_(target.parent_path() / ("." + target.filename().string() + ".nearhit-backup")) {}
  ~Staging() { Remove(); }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  std::filesystem::path copy() const { return path_ / "data"; }
  Status Make() {
    Remove();
    return ::mkdir(path_.c_str(), S_IRWXU) == 0 ? Status() : Failed("create", path_, errno);
  }

 private:
  void Remove() const {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path path_;
};

// Absolute, without a slash at its end.
Result<std::filesystem::path> CheckTarget(const std::filesystem::path& database,
                                          const std::filesystem::path& directory) {
  if (directory.empty()) {
    return InvalidArgument("the directory of a backup is empty");
  }
  std::error_code error;
  std::filesystem::path target = std::filesystem::absolute(directory, error).lexically_normal();
  if (!target.has_filename()) {
    target = target.parent_path();
  }
  const std::filesystem::path parent = std::filesystem::canonical(target.parent_path(), error);
  if (error) {
    return Failed("find", target.parent_path(), error.value());
  }
  target = parent / target.filename();
  const std::filesystem::path own = std::filesystem::canonical(database, error);
  if (error) {
    return Failed("find", database, error.value());
  }
  const std::filesystem::file_status found = std::filesystem::symlink_status(target, error);
  if (found.type() != std::filesystem::file_type::not_found) {
    return AlreadyExists(directory.string() + " exists");
  }
  if (std::mismatch(own.begin(), own.end(), target.begin(), target.end()).first == own.end()) {
    return InvalidArgument(directory.string() + " is inside the database " + database.string());
  }
  return target;
}

// A database that is only read.
class ReadOnlyDatabase {
 public:
  ReadOnlyDatabase() = default;
  ~ReadOnlyDatabase() {
    for (rocksdb::ColumnFamilyHandle* family : families_) {
      db_->DestroyColumnFamilyHandle(family).PermitUncheckedError();
    }
  }
  ReadOnlyDatabase(const ReadOnlyDatabase&) = delete;
  ReadOnlyDatabase& operator=(const ReadOnlyDatabase&) = delete;

  Status Open(const std::filesystem::path& path) {
    rocksdb::Options options = TunedOptions(rocksdb::Env::Default(), /*log=*/{});
    options.max_open_files = kMaxOpenFiles;
    rocksdb::DB* db = nullptr;
    const rocksdb::Status opened = rocksdb::DB::OpenForReadOnly(
        options, path.string(), TunedFamilies(/*cache=*/nullptr), &families_, &db);
    db_.reset(db);
    return FromRocksDb(opened);
  }

  rocksdb::DB* db() const { return db_.get(); }
  const std::vector<rocksdb::ColumnFamilyHandle*>& families() const { return families_; }

 private:
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;  // owned; destroyed before db_
};

Result<std::uint64_t> CountRows(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family,
                                const rocksdb::Snapshot* at) {
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  read.total_order_seek = true;
  read.snapshot = at;
  std::uint64_t rows = 0;
  const std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(read, family));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    ++rows;
  }
  NEARHIT_RETURN_IF_ERROR(FromRocksDb(it->status()));
  return rows;
}

// RocksDB looks at the sizes of tables when it opens a database, but not at those of blob files.
Status CheckBlobFiles(const ReadOnlyDatabase& copy, const std::filesystem::path& path) {
  for (rocksdb::ColumnFamilyHandle* family : copy.families()) {
    rocksdb::ColumnFamilyMetaData meta;
    copy.db()->GetColumnFamilyMetaData(family, &meta);
    for (const rocksdb::BlobMetaData& blob : meta.blob_files) {
      std::error_code error;
      const std::filesystem::path file =
          path / std::filesystem::path(blob.blob_file_name).relative_path();
      const std::uintmax_t bytes = std::filesystem::file_size(file, error);
      if (error || bytes != blob.blob_file_size) {
        return DataLoss(file.string() + " is not there with " +
                        std::to_string(blob.blob_file_size) + " bytes");
      }
    }
  }
  return Status();
}

// `now` is of the source. Of a snapshot RocksDB reads the sequence number, and the copy has what
// there was at that of `now`: tables keep it as long as the snapshot lives, and logs have it.
Status CheckCopy(const BackupSource& source, const rocksdb::Snapshot* now,
                 const std::filesystem::path& path) {
  ReadOnlyDatabase copy;
  NEARHIT_RETURN_IF_ERROR(copy.Open(path));
  if (copy.db()->GetLatestSequenceNumber() < now->GetSequenceNumber()) {
    return DataLoss("the backup ends at sequence " +
                    std::to_string(copy.db()->GetLatestSequenceNumber()) + ", not at " +
                    std::to_string(now->GetSequenceNumber()));
  }
  NEARHIT_RETURN_IF_ERROR(CheckBlobFiles(copy, path));
  for (const Family family : kCounted) {
    const auto i = static_cast<std::size_t>(family);
    NEARHIT_ASSIGN_OR_RETURN(const std::uint64_t here,
                             CountRows(source.db, source.families[i], now));
    NEARHIT_ASSIGN_OR_RETURN(const std::uint64_t there,
                             CountRows(copy.db(), copy.families()[i], now));
    if (here != there) {
      return DataLoss("the backup has " + std::to_string(there) + " rows of family " +
                      source.families[i]->GetName() + ", the database " + std::to_string(here));
    }
  }
  return Status();
}

// What the copy holds, all of it on the device.
Status WriteMark(const std::filesystem::path& copy, std::uint64_t sequence) {
  HighWaterMark mark{.sequence = sequence};
  NEARHIT_ASSIGN_OR_RETURN(mark.manifest, SyncManifest(copy));
  for (const std::uint64_t number : LogNumbers(copy)) {
    const std::filesystem::path log = LogPath(copy, number);
    NEARHIT_RETURN_IF_ERROR(Sync(log));
    std::error_code error;
    mark.logs.push_back({.number = number, .bytes = std::filesystem::file_size(log, error)});
    if (error) {
      return Failed("find", log, error.value());
    }
  }
  return WriteHighWaterMark(copy / "HIGHWATER", mark);
}

BackupInfo InfoOf(const std::filesystem::path& directory) {
  BackupInfo info;
  std::error_code ignored;
  for (auto file = std::filesystem::directory_iterator(directory, ignored);
       file != std::filesystem::directory_iterator(); file.increment(ignored)) {
    ++info.files;
    info.bytes += file->file_size(ignored);
  }
  return info;
}

Status Publish(const std::filesystem::path& copy, const std::filesystem::path& target) {
  if (::rename(copy.c_str(), target.c_str()) != 0) {
    return errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR
               ? AlreadyExists(target.string() + " exists")
               : Failed("rename to", target, errno);
  }
  return Sync(target.parent_path());
}

}  // namespace

Result<BackupInfo> MakeBackup(const BackupSource& source, const std::filesystem::path& directory,
                              const std::function<std::uint64_t()>& failures) {
  NEARHIT_ASSIGN_OR_RETURN(const std::filesystem::path target, CheckTarget(source.path, directory));
  Staging staging(target);
  NEARHIT_RETURN_IF_ERROR(staging.Make());
  const std::filesystem::path copy = staging.copy();
  const std::uint64_t failed = failures();
  rocksdb::ManagedSnapshot now(source.db);
  rocksdb::Checkpoint* made = nullptr;
  NEARHIT_RETURN_IF_ERROR(FromRocksDb(rocksdb::Checkpoint::Create(source.db, &made)));
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  NEARHIT_RETURN_IF_ERROR(FromRocksDb(checkpoint->CreateCheckpoint(copy.string(), kNeverFlush)));
  if (::chmod(copy.c_str(), S_IRWXU) != 0) {
    return Failed("change the mode of", copy, errno);
  }
  NEARHIT_RETURN_IF_ERROR(WriteMark(copy, now.snapshot()->GetSequenceNumber()));
  NEARHIT_RETURN_IF_ERROR(CheckCopy(source, now.snapshot(), copy));
  if (failures() != failed) {
    return Unavailable("storage failed during the backup");
  }
  const BackupInfo info = InfoOf(copy);
  NEARHIT_RETURN_IF_ERROR(Publish(copy, target));
  return info;
}

}  // namespace nearhit
