// Watches how RocksDB writes its logs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include <rocksdb/file_system.h>
#include <rocksdb/io_status.h>

#include "base/mutex.h"
#include "engine/storage/high_water_mark.h"
#include "nearhit/status.h"

namespace nearhit {

// Thread-safety: thread-safe.
class LogWatch {
 public:
  // Asked before a log is deleted; an error keeps it.
  using Deletion = std::function<Status(std::uint64_t number)>;

  explicit LogWatch(Deletion deletion) : deletion_(std::move(deletion)) {}
  ~LogWatch() = default;
  LogWatch(const LogWatch&) = delete;
  LogWatch& operator=(const LogWatch&) = delete;

  // The logs that have been made and not been deleted, and what an fsync has covered of each.
  std::vector<FileExtent> Durable() const NEARHIT_EXCLUDES(mu_);
  // The log that is written now: of those that are open, the one with the highest number. 0: none.
  std::uint64_t Current() const NEARHIT_EXCLUDES(mu_);
  // Whether nothing has been written to the current log, nor tried.
  bool CurrentIsFresh() const NEARHIT_EXCLUDES(mu_);
  // All rows of the logs are in tables now.
  void ForgetFailedSyncs() NEARHIT_EXCLUDES(mu_);

  // For the files.
  void Opened(std::uint64_t number) NEARHIT_EXCLUDES(mu_);
  void Closed(std::uint64_t number) NEARHIT_EXCLUDES(mu_);
  void Appending(std::uint64_t number) NEARHIT_EXCLUDES(mu_);
  // What RocksDB is told of a sync. Two of its threads may sync a log that is no longer written,
  // and the second one hits an assertion when the first one has failed. So such a failure is kept,
  // and told by the next sync of the current log, whose thread is alone.
  rocksdb::IOStatus Synced(const FileExtent& log, rocksdb::IOStatus result) NEARHIT_EXCLUDES(mu_);
  rocksdb::IOStatus Deleting(std::uint64_t number) NEARHIT_EXCLUDES(mu_);

 private:
  std::uint64_t CurrentLocked() const NEARHIT_REQUIRES(mu_) {
    return fresh_.empty() ? 0 : fresh_.rbegin()->first;
  }

  const Deletion deletion_;

  mutable Mutex mu_;
  std::map<std::uint64_t, bool> fresh_
      NEARHIT_GUARDED_BY(mu_);  // of those that are open, by number
  std::map<std::uint64_t, std::uint64_t> durable_ NEARHIT_GUARDED_BY(mu_);  // number -> bytes
  rocksdb::IOStatus failed_sync_ NEARHIT_GUARDED_BY(mu_);
};

// `base`, whose logs in `directory` tell `watch`. (A backup has logs with the same numbers.)
std::shared_ptr<rocksdb::FileSystem> WatchLogs(std::shared_ptr<rocksdb::FileSystem> base,
                                               const std::filesystem::path& directory,
                                               std::shared_ptr<LogWatch> watch);

}  // namespace nearhit
