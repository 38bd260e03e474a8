#include "engine/storage/log_watch.h"

#include <atomic>
#include <optional>
#include <string>
#include <utility>

#include "engine/storage/log_repair.h"

namespace nearhit {

namespace {

class WatchedLog final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WatchedLog(std::unique_ptr<rocksdb::FSWritableFile> file, std::uint64_t number,
             std::shared_ptr<LogWatch> watch)
      : FSWritableFileOwnerWrapper(std::move(file)), number_(number), watch_(std::move(watch)) {
    watch_->Opened(number_);
  }
  ~WatchedLog() override { watch_->Closed(number_); }
  WatchedLog(const WatchedLog&) = delete;
  WatchedLog& operator=(const WatchedLog&) = delete;

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* dbg) override {
    Begin();
    return Counted(data, target()->Append(data, options, dbg));
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& verification,
                           rocksdb::IODebugContext* dbg) override {
    Begin();
    return Counted(data, target()->Append(data, options, verification, dbg));
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* dbg) override {
    const FileExtent log{.number = number_, .bytes = bytes_.load()};
    return watch_->Synced(log, target()->Sync(options, dbg));
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* dbg) override {
    const FileExtent log{.number = number_, .bytes = bytes_.load()};
    return watch_->Synced(log, target()->Fsync(options, dbg));
  }

 private:
  void Begin() {
    if (!begun_) {
      begun_ = true;
      watch_->Appending(number_);
    }
  }

  rocksdb::IOStatus Counted(const rocksdb::Slice& data, rocksdb::IOStatus status) {
    if (status.ok()) {
      bytes_ += data.size();
    }
    return status;
  }

  const std::uint64_t number_;
  const std::shared_ptr<LogWatch> watch_;
  bool begun_ = false;
  std::atomic<std::uint64_t> bytes_{0};  // appended
};

class LogWatchingFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  LogWatchingFileSystem(const std::shared_ptr<rocksdb::FileSystem>& base,
                        const std::filesystem::path& directory, std::shared_ptr<LogWatch> watch)
      : FileSystemWrapper(base),
        directory_((directory / "file").parent_path()),  // without a slash at its end
        watch_(std::move(watch)) {}
  const char* Name() const override { return "LogWatchingFileSystem"; }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* dbg) override {
    rocksdb::IOStatus made = FileSystemWrapper::NewWritableFile(name, options, result, dbg);
    if (const std::optional<std::uint64_t> number = Watched(name); made.ok() && number) {
      *result = std::make_unique<WatchedLog>(std::move(*result), *number, watch_);
    }
    return made;
  }

  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* dbg) override {
    if (const std::optional<std::uint64_t> number = Watched(name)) {
      if (rocksdb::IOStatus refused = watch_->Deleting(*number); !refused.ok()) {
        return refused;
      }
    }
    return FileSystemWrapper::DeleteFile(name, options, dbg);
  }

 private:
  std::optional<std::uint64_t> Watched(const std::filesystem::path& file) const {
    return file.parent_path() == directory_ ? LogNumber(file.native()) : std::nullopt;
  }

  const std::filesystem::path directory_;
  const std::shared_ptr<LogWatch> watch_;
};

}  // namespace

std::uint64_t LogWatch::Current() const {
  MutexLock lock(&mu_);
  return CurrentLocked();
}

bool LogWatch::CurrentIsFresh() const {
  MutexLock lock(&mu_);
  return !fresh_.empty() && fresh_.rbegin()->second;
}

void LogWatch::ForgetFailedSyncs() {
  MutexLock lock(&mu_);
  failed_sync_ = rocksdb::IOStatus::OK();
}

void LogWatch::Opened(std::uint64_t number) {
  MutexLock lock(&mu_);
  fresh_[number] = true;
  durable_[number] = 0;
}

void LogWatch::Closed(std::uint64_t number) {
  MutexLock lock(&mu_);
  fresh_.erase(number);
}

void LogWatch::Appending(std::uint64_t number) {
  MutexLock lock(&mu_);
  fresh_[number] = false;
}

rocksdb::IOStatus LogWatch::Synced(const FileExtent& log, rocksdb::IOStatus result) {
  MutexLock lock(&mu_);
  if (const auto known = durable_.find(log.number); result.ok() && known != durable_.end()) {
    known->second = log.bytes;
  }
  if (log.number == CurrentLocked()) {
    return result.ok() ? failed_sync_ : result;
  }
  if (!result.ok()) {
    failed_sync_ = std::move(result);
  }
  return rocksdb::IOStatus::OK();
}

rocksdb::IOStatus LogWatch::Deleting(std::uint64_t number) {
  {
    MutexLock lock(&mu_);
    durable_.erase(number);
  }
  if (const Status asked = deletion_(number); !asked.ok()) {
    return rocksdb::IOStatus::IOError("log " + std::to_string(number), asked.ToString());
  }
  return rocksdb::IOStatus::OK();
}

std::vector<FileExtent> LogWatch::Durable() const {
  MutexLock lock(&mu_);
  std::vector<FileExtent> logs;
  logs.reserve(durable_.size());
  for (const auto& [number, bytes] : durable_) {
    if (bytes > 0) {
      logs.push_back({.number = number, .bytes = bytes});
    }
  }
  return logs;
}

std::shared_ptr<rocksdb::FileSystem> WatchLogs(std::shared_ptr<rocksdb::FileSystem> base,
                                               const std::filesystem::path& directory,
                                               std::shared_ptr<LogWatch> watch) {
  return std::make_shared<LogWatchingFileSystem>(base, directory, std::move(watch));
}

}  // namespace nearhit
