// The locks of the keys that one write of a collection is about.
#pragma once

#include <array>
#include <bitset>

#include "base/hash.h"
#include "base/mutex.h"
#include "engine/collection/collection.h"

namespace nearhit {

// Holds the locks of a set of keys, taken in ascending order so that two writes cannot deadlock.
class Collection::Stripes {
 public:
  explicit Stripes(const Collection* collection) : locks_(&collection->key_locks_) {}
  ~Stripes() { Unlock(); }
  Stripes(const Stripes&) = delete;
  Stripes& operator=(const Stripes&) = delete;

  void Add(const Hash128& hash) { wanted_.set(hash.low % kStripes); }
  bool Has(const Hash128& hash) const { return wanted_.test(hash.low % kStripes); }
  void Lock() NEARHIT_NO_THREAD_SAFETY_ANALYSIS {
    for (std::size_t i = 0; i < kStripes; ++i) {
      if (wanted_.test(i)) {
        (*locks_)[i].Lock();
      }
    }
    held_ = true;
  }

 private:
  void Unlock() NEARHIT_NO_THREAD_SAFETY_ANALYSIS {
    for (std::size_t i = 0; held_ && i < kStripes; ++i) {
      if (wanted_.test(i)) {
        (*locks_)[i].Unlock();
      }
    }
  }

  std::array<Mutex, kStripes>* const locks_;
  std::bitset<kStripes> wanted_;
  bool held_ = false;
};

}  // namespace nearhit
