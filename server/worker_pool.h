// Threads that do what a gRPC reaction must not: wait for disks, embedders and locks.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace nearhit::server {

// A fixed number of threads behind a bounded queue, first in, first out.
//
// Thread-safety: thread-safe.
class WorkerPool {
 public:
  // Requires: threads >= 1, max_queue >= 1.
  WorkerPool(std::size_t threads, std::size_t max_queue);
  // Runs what is queued, then joins.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  using TimePoint = std::chrono::steady_clock::time_point;

  // Returns false, and drops the task, when the queue is full or the pool is stopped. A full queue
  // first gets rid of the tasks whose deadline has passed, by running them on this thread: such a
  // task must see that itself and give up at once.
  bool Submit(TimePoint deadline, std::function<void()> task);

  // Refuses new tasks, runs what is queued, joins. Not from a task. Later calls do nothing.
  void Stop();

  std::size_t queued() const;
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  struct Task {
    TimePoint deadline;
    std::function<void()> run;
  };

  void Run();
  std::vector<Task> TakeExpiredLocked() REQUIRES(mu_);

  const std::size_t max_queue_;
  mutable Mutex mu_;
  CondVar ready_;
  std::deque<Task> queue_ GUARDED_BY(mu_);
  bool stopped_ GUARDED_BY(mu_) = false;
  std::atomic<std::uint64_t> refused_{0};
  std::vector<std::thread> threads_;
};

}  // namespace nearhit::server
