// Keeps writes from a RocksDB that has failed, and brings it back when the disk is well again.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include <rocksdb/db.h>

#include "base/mutex.h"
#include "engine/storage/log_watch.h"
#include "nearhit/result.h"
#include "nearhit/status.h"

namespace rocksdb {
class EventListener;
}  // namespace rocksdb

namespace nearhit {

// After a write or an fsync has failed, RocksDB refuses writes until DB::Resume, but only if the
// error is one that it takes for transient: a full disk during a flush, not EIO or EMFILE. This
// calls every I/O error transient. Resume makes tables of what is in memory, so nothing depends on
// the log that failed, and switches to another one.
//
// Thread-safety: thread-safe.
class WriteGate {
 public:
  static constexpr std::chrono::milliseconds kFirstPause{10};  // doubles with every failure
  static constexpr std::chrono::milliseconds kLongestPause{1'000};

  explicit WriteGate(std::shared_ptr<LogWatch> logs);
  ~WriteGate();
  WriteGate(const WriteGate&) = delete;
  WriteGate& operator=(const WriteGate&) = delete;

  // To open the database with.
  std::shared_ptr<rocksdb::EventListener> listener() const;

  // OK unless the database has failed: the reason. Tries to resume when the pause since the last
  // try is over.
  Status Ready(rocksdb::DB* db);

  // How many failures there have been.
  std::uint64_t failures() const;

  // Whatever pause there is, the next call tries to resume.
  void TryAtOnce();

  // The status of `write`, a call that writes to `db`, which is made if the database is ready. Not
  // to be nested.
  template <typename Write>
  Status Run(rocksdb::DB* db, Write write) {
    NEARHIT_RETURN_IF_ERROR(Ready(db));
    ReaderLock writing(&writing_);
    NEARHIT_RETURN_IF_ERROR(Refusal());  // since then
    return Noted(write());
  }

 private:
  class Faults;

  Status Refusal() const;
  Status Noted(const rocksdb::Status& written);
  // Whether writes may go on. With no write under way.
  bool Resume(rocksdb::DB* db) NEARHIT_REQUIRES(writing_);

  const std::shared_ptr<LogWatch> logs_;
  const std::shared_ptr<Faults> faults_;

  SharedMutex writing_;  // held by writes; exclusively to resume
  Mutex trying_;         // one at a time tries to resume
  std::chrono::milliseconds pause_ NEARHIT_GUARDED_BY(trying_) = kFirstPause;
  std::chrono::steady_clock::time_point next_try_ NEARHIT_GUARDED_BY(trying_);
};

}  // namespace nearhit
