// A few threads that help a caller with one piece of work.
#pragma once

#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/thread_annotations.h"

namespace nearhit {

// Runs a function on the caller's thread and, as far as they are free, on its own threads beside
// it. Meant for work that is cut into pieces which whoever comes takes.
//
// Thread-safety: thread-safe; calls from several threads share the helpers.
// Ownership: owns its threads; must outlive every call. Errors: none.
class HelperThreads {
 public:
  explicit HelperThreads(std::size_t helpers);
  ~HelperThreads();
  HelperThreads(const HelperThreads&) = delete;
  HelperThreads& operator=(const HelperThreads&) = delete;

  // Calls `work` once here and up to `helpers` times on other threads, at the same time; returns
  // when all calls have returned. No allocation after the first calls.
  void Run(std::size_t helpers, const std::function<void()>& work);

 private:
  struct Job {
    const std::function<void()>* work;
    std::size_t wanted;   // helpers that may still join
    std::size_t running;  // helpers that have joined and not returned
  };

  void Help();

  Mutex mu_;
  CondVar work_or_stop_;
  CondVar helper_returned_;
  std::vector<Job*> jobs_ NEARHIT_GUARDED_BY(mu_);  // with wanted > 0; each lives in its Run
  bool stop_ NEARHIT_GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_;  // constant after construction
};

}  // namespace nearhit
