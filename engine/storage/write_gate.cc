#include "engine/storage/write_gate.h"

#include <algorithm>
#include <thread>
#include <utility>

#include <rocksdb/env.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>

#include "engine/storage/rocksdb_status.h"

namespace nearhit {

namespace {
constexpr std::chrono::milliseconds kWait{5};  // for a thread to take what is scheduled
constexpr std::chrono::milliseconds kLongestWait{200};
constexpr const char* kNoRow = "no row";  // a key of the family default that is never stored
}  // namespace

// What RocksDB has told of its failures.
class WriteGate::Faults final : public rocksdb::EventListener {
 public:
  bool failed() const { return failed_.load(std::memory_order_acquire); }
  rocksdb::Status reason() const {
    MutexLock lock(&mu_);
    return reason_;
  }
  std::uint64_t count() const {
    MutexLock lock(&mu_);
    return count_;
  }
  // The log that was current at the first failure.
  std::uint64_t log() const {
    MutexLock lock(&mu_);
    return log_;
  }
  // Unless there were others than these.
  bool Clear(std::uint64_t count) {
    MutexLock lock(&mu_);
    if (count == count_) {
      failed_.store(false, std::memory_order_release);
    }
    return count == count_;
  }

  explicit Faults(std::shared_ptr<const LogWatch> logs) : logs_(std::move(logs)) {}

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override {
    if (error->IsIOError() && reason == rocksdb::BackgroundErrorReason::kCompaction) {
      // It takes nothing from writes, and is begun again by itself.
      *error = rocksdb::Status::OK();
      return;
    }
    if (error->IsIOError() && error->severity() > rocksdb::Status::kHardError) {
      *error = rocksdb::Status(*error, rocksdb::Status::kHardError);
    }
    Note(*error);
    LetFlushesBegin();
  }
  void Note(const rocksdb::Status& error) {
    MutexLock lock(&mu_);
    ++count_;
    if (!failed_.load(std::memory_order_relaxed)) {
      log_ = logs_->Current();
      failed_.store(true, std::memory_order_release);
    }
    reason_ = error;
  }
  // RocksDB would do it for some errors only, and on a thread of its own.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status error,
                            bool* auto_recovery) override {
    error.PermitUncheckedError();
    *auto_recovery = false;
  }

 private:
  // RocksDB loses a flush that begins between an error and Resume, which then waits for it for
  // ever. It refuses to schedule more of them; those that are scheduled get the time to begin now,
  // before the error counts.
  static void LetFlushesBegin() {
    rocksdb::Env* env = rocksdb::Env::Default();  // whose threads all environments share
    const auto end = std::chrono::steady_clock::now() + kLongestWait;
    while (env->GetThreadPoolQueueLen(rocksdb::Env::Priority::HIGH) > 0 &&
           std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(kWait);
    }
    std::this_thread::sleep_for(kWait);
  }

  const std::shared_ptr<const LogWatch> logs_;
  std::atomic<bool> failed_{false};
  mutable Mutex mu_;
  std::uint64_t count_ NEARHIT_GUARDED_BY(mu_) = 0;
  std::uint64_t log_ NEARHIT_GUARDED_BY(mu_) = 0;
  rocksdb::Status reason_ NEARHIT_GUARDED_BY(mu_);
};

WriteGate::WriteGate(std::shared_ptr<LogWatch> logs)
    : logs_(std::move(logs)), faults_(std::make_shared<Faults>(logs_)) {
}

WriteGate::~WriteGate() = default;

std::shared_ptr<rocksdb::EventListener> WriteGate::listener() const {
  return faults_;
}

std::uint64_t WriteGate::failures() const {
  return faults_->count();
}

Status WriteGate::Refusal() const {
  return faults_->failed() ? FromRocksDb(faults_->reason()) : Status();
}

void WriteGate::TryAtOnce() {
  MutexLock lock(&trying_);
  next_try_ = {};
}

Status WriteGate::Noted(const rocksdb::Status& written) {
  // RocksDB tells of an error before it begins to refuse: a Resume between the two does nothing.
  if (written.IsIOError() && !faults_->failed()) {
    faults_->Note(written);
  }
  return FromRocksDb(written);
}

Status WriteGate::Ready(rocksdb::DB* db) {
  if (!faults_->failed()) {
    return Status();
  }
  if (!trying_.TryLock()) {
    return Refusal();
  }
  if (faults_->failed() && std::chrono::steady_clock::now() >= next_try_) {
    WriterLock alone(&writing_);
    pause_ = Resume(db) ? kFirstPause : std::min(2 * pause_, kLongestPause);
    next_try_ = std::chrono::steady_clock::now() + pause_;
  }
  trying_.Unlock();
  return Refusal();
}

bool WriteGate::Resume(rocksdb::DB* db) {
  const auto log_is_the_same = [this] {
    return logs_->Current() == faults_->log() && !logs_->CurrentIsFresh();
  };
  std::uint64_t known = faults_->count();
  rocksdb::Status resumed = db->Resume();
  if (resumed.ok() && log_is_the_same()) {
    // Nothing was in memory, so no table was made and the log is the same. What was refused may be
    // in it, under sequence numbers that are given again.
    rocksdb::WriteOptions no_log;
    no_log.disableWAL = true;
    resumed = db->Delete(no_log, kNoRow);
    if (resumed.ok() && !db->Flush(rocksdb::FlushOptions()).ok()) {
      known = faults_->count();
      resumed = db->Resume();  // which is not kept from the switch by a log that has failed
    }
  }
  if (!resumed.ok() || log_is_the_same()) {
    return false;
  }
  logs_->ForgetFailedSyncs();
  return faults_->Clear(known);
}

}  // namespace nearhit
