#include "engine/storage/log_watch.h"

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace nearhit {

namespace {

// Of ".../000123.log".
std::optional<std::uint64_t> LogNumber(std::string_view path) {
  constexpr std::string_view kSuffix = ".log";
  std::string_view name = path.substr(path.find_last_of('/') + 1);
  std::uint64_t number = 0;
  if (!name.ends_with(kSuffix)) {
    return std::nullopt;
  }
  name.remove_suffix(kSuffix.size());
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() && end == name.data() + name.size() ? std::optional(number)
                                                                  : std::nullopt;
}

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
    return target()->Append(data, options, dbg);
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& verification,
                           rocksdb::IODebugContext* dbg) override {
    Begin();
    return target()->Append(data, options, verification, dbg);
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* dbg) override {
    return watch_->Synced(number_, target()->Sync(options, dbg));
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* dbg) override {
    return watch_->Synced(number_, target()->Fsync(options, dbg));
  }

 private:
  void Begin() {
    if (!begun_) {
      begun_ = true;
      watch_->Appending(number_);
    }
  }

  const std::uint64_t number_;
  const std::shared_ptr<LogWatch> watch_;
  bool begun_ = false;
};

class LogWatchingFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  LogWatchingFileSystem(std::shared_ptr<rocksdb::FileSystem> base, std::shared_ptr<LogWatch> watch)
      : FileSystemWrapper(std::move(base)), watch_(std::move(watch)) {}
  const char* Name() const override { return "LogWatchingFileSystem"; }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* dbg) override {
    rocksdb::IOStatus made = FileSystemWrapper::NewWritableFile(name, options, result, dbg);
    if (const std::optional<std::uint64_t> number = LogNumber(name); made.ok() && number) {
      *result = std::make_unique<WatchedLog>(std::move(*result), *number, watch_);
    }
    return made;
  }

 private:
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
}

void LogWatch::Closed(std::uint64_t number) {
  MutexLock lock(&mu_);
  fresh_.erase(number);
}

void LogWatch::Appending(std::uint64_t number) {
  MutexLock lock(&mu_);
  fresh_[number] = false;
}

rocksdb::IOStatus LogWatch::Synced(std::uint64_t number, rocksdb::IOStatus result) {
  MutexLock lock(&mu_);
  if (number != CurrentLocked()) {
    if (!result.ok()) {
      failed_sync_ = std::move(result);
    }
    return rocksdb::IOStatus::OK();
  }
  return result.ok() ? failed_sync_ : result;
}

std::shared_ptr<rocksdb::FileSystem> WatchLogs(std::shared_ptr<rocksdb::FileSystem> base,
                                               std::shared_ptr<LogWatch> watch) {
  return std::make_shared<LogWatchingFileSystem>(std::move(base), std::move(watch));
}

}  // namespace nearhit
