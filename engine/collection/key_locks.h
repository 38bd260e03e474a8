// Writers of one key take turns; readers never take these locks.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>

#include "base/hash.h"
#include "base/mutex.h"

namespace nearhit {

// A large batch takes all of them: well under the 64 locks of a thread that ThreadSanitizer
// follows.
struct KeyLocks {
  static constexpr std::size_t kStripes = 32;
  std::array<Mutex, kStripes> stripes;
};

// Holds the locks of a set of keys, taken in ascending order so that two writes cannot deadlock.
//
// Thread-safety: owned by one thread.
class KeyLock {
 public:
  explicit KeyLock(KeyLocks* locks) : locks_(locks) {}
  ~KeyLock() { Unlock(); }
  KeyLock(const KeyLock&) = delete;
  KeyLock& operator=(const KeyLock&) = delete;

  // Requires: before Lock().
  void Add(const Hash128& hash) { wanted_.set(hash.low % KeyLocks::kStripes); }
  bool Has(const Hash128& hash) const { return wanted_.test(hash.low % KeyLocks::kStripes); }
  void Lock() NEARHIT_NO_THREAD_SAFETY_ANALYSIS {
    for (std::size_t i = 0; i < KeyLocks::kStripes; ++i) {
      if (wanted_.test(i)) {
        locks_->stripes[i].Lock();
      }
    }
    held_ = true;
  }

 private:
  void Unlock() NEARHIT_NO_THREAD_SAFETY_ANALYSIS {
    for (std::size_t i = 0; held_ && i < KeyLocks::kStripes; ++i) {
      if (wanted_.test(i)) {
        locks_->stripes[i].Unlock();
      }
    }
  }

  KeyLocks* const locks_;
  std::bitset<KeyLocks::kStripes> wanted_;
  bool held_ = false;
};

}  // namespace nearhit
