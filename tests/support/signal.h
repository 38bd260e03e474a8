// An event that one thread waits for and another announces.
#pragma once

#include "base/mutex.h"
#include "base/thread_annotations.h"

namespace nearhit {

// Thread-safety: thread-safe.
class Signal {
 public:
  void Say() NEARHIT_EXCLUDES(mu_) {
    MutexLock lock(&mu_);
    said_ = true;
    changed_.NotifyAll();
  }
  void Await() NEARHIT_EXCLUDES(mu_) {
    MutexLock lock(&mu_);
    while (!said_) {
      changed_.Wait(&mu_);
    }
  }

 private:
  Mutex mu_;
  CondVar changed_;
  bool said_ NEARHIT_GUARDED_BY(mu_) = false;
};

}  // namespace nearhit
