// Mutexes that Clang's thread-safety analysis can see.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "base/thread_annotations.h"

namespace nearhit {

class NEARHIT_CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  ~Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() NEARHIT_ACQUIRE() { mu_.lock(); }
  void Unlock() NEARHIT_RELEASE() { mu_.unlock(); }
  bool TryLock() NEARHIT_TRY_ACQUIRE(true) { return mu_.try_lock(); }

 private:
  friend class CondVar;
  std::mutex mu_;
};

// Readers together or one writer, in 4 bytes: there is one in every small partition. Whoever
// waits looks for 30 us before it sleeps; a writer goes before readers that come after that, so a
// stream of readers cannot starve it. For that reason a thread must never take the shared lock
// twice.
class NEARHIT_CAPABILITY("mutex") SharedMutex {
 public:
  SharedMutex() = default;
  ~SharedMutex() = default;
  SharedMutex(const SharedMutex&) = delete;
  SharedMutex& operator=(const SharedMutex&) = delete;

  void Lock() NEARHIT_ACQUIRE() {
    std::uint32_t free = 0;
    if (!state_.compare_exchange_strong(free, kHeld, std::memory_order_acquire,
                                        std::memory_order_relaxed)) {
      WaitAndLock();
    }
  }
  void Unlock() NEARHIT_RELEASE() {
    state_.fetch_and(~kHeld);
    state_.notify_all();
  }
  void LockShared() NEARHIT_ACQUIRE_SHARED() {
    std::uint32_t state = state_.load(std::memory_order_relaxed);
    if ((state & kNoReaders) != 0 ||
        !state_.compare_exchange_strong(state, state + 1, std::memory_order_acquire,
                                        std::memory_order_relaxed)) {
      WaitAndLockShared();
    }
  }
  void UnlockShared() NEARHIT_RELEASE_SHARED() {
    if (state_.fetch_sub(1) == (kWriterWaits | 1U)) {
      state_.notify_all();  // not one: that might be a reader, which goes on waiting
    }
  }
  // Whether a reader that comes now waits: for a writer that has it, or is next.
  bool KeepsReadersOut() const { return (state_.load() & kNoReaders) != 0; }

 private:
  // The state: how many readers there are, and these.
  static constexpr std::uint32_t kHeld = 1U << 31U;  // by a writer
  static constexpr std::uint32_t kWriterWaits = 1U << 30U;
  static constexpr std::uint32_t kNoReaders = kHeld | kWriterWaits;  // may come now

  void WaitAndLock();
  void WaitAndLockShared();

  std::atomic<std::uint32_t> state_{0};
};

class NEARHIT_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex* mu) NEARHIT_ACQUIRE(mu) : mu_(mu) { mu_->Lock(); }
  ~MutexLock() NEARHIT_RELEASE() { mu_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* const mu_;
};

class NEARHIT_SCOPED_CAPABILITY WriterLock {
 public:
  explicit WriterLock(SharedMutex* mu) NEARHIT_ACQUIRE(mu) : mu_(mu) { mu_->Lock(); }
  ~WriterLock() NEARHIT_RELEASE() { mu_->Unlock(); }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  SharedMutex* const mu_;
};

class NEARHIT_SCOPED_CAPABILITY ReaderLock {
 public:
  explicit ReaderLock(SharedMutex* mu) NEARHIT_ACQUIRE_SHARED(mu) : mu_(mu) { mu_->LockShared(); }
  ~ReaderLock() NEARHIT_RELEASE_GENERIC() { mu_->UnlockShared(); }
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

 private:
  SharedMutex* const mu_;
};

class CondVar {
 public:
  CondVar() = default;
  ~CondVar() = default;
  CondVar(const CondVar&) = delete;
  CondVar& operator=(const CondVar&) = delete;

  // Releases `mu` while waiting and holds it again on return. May wake for no reason: loop.
  void Wait(Mutex* mu) NEARHIT_REQUIRES(mu) {
    std::unique_lock<std::mutex> lock(mu->mu_, std::adopt_lock);
    cv_.wait(lock);
    lock.release();
  }
  // Returns false when `deadline` passed.
  template <typename TimePoint>
  bool WaitUntil(Mutex* mu, const TimePoint& deadline) NEARHIT_REQUIRES(mu) {
    std::unique_lock<std::mutex> lock(mu->mu_, std::adopt_lock);
    const bool notified = cv_.wait_until(lock, deadline) == std::cv_status::no_timeout;
    lock.release();
    return notified;
  }
  void NotifyOne() { cv_.notify_one(); }
  void NotifyAll() { cv_.notify_all(); }

 private:
  std::condition_variable cv_;
};

}  // namespace nearhit
