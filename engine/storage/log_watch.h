// Watches how RocksDB writes its logs.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include <rocksdb/file_system.h>
#include <rocksdb/io_status.h>

#include "base/mutex.h"

namespace nearhit {

// Thread-safety: thread-safe.
class LogWatch {
 public:
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
  rocksdb::IOStatus Synced(std::uint64_t number, rocksdb::IOStatus result) NEARHIT_EXCLUDES(mu_);

 private:
  std::uint64_t CurrentLocked() const NEARHIT_REQUIRES(mu_) {
    return fresh_.empty() ? 0 : fresh_.rbegin()->first;
  }

  mutable Mutex mu_;
  std::map<std::uint64_t, bool> fresh_
      NEARHIT_GUARDED_BY(mu_);  // of those that are open, by number
  rocksdb::IOStatus failed_sync_ NEARHIT_GUARDED_BY(mu_);
};

// `base`, whose logs tell `watch`.
std::shared_ptr<rocksdb::FileSystem> WatchLogs(std::shared_ptr<rocksdb::FileSystem> base,
                                               std::shared_ptr<LogWatch> watch);

}  // namespace nearhit
