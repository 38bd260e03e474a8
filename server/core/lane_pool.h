// Threads that do what a gRPC reaction must not: wait for disks, embedders and locks.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <optional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace nearhit::server {

// What a task may wait for.
enum class Lane : std::uint8_t {
  kStorage,    // disks and locks
  kEmbedding,  // an embedder too, for seconds when it hangs
};

// A fixed number of threads behind a bounded queue for each lane, first in, first out. A quarter of
// the threads, one of two or three and none of one, takes no task of kEmbedding: who needs no
// embedder does not wait for that of others.
//
// Thread-safety: thread-safe.
class LanePool {
 public:
  // Requires: threads >= 1, max_queue >= 1 (tasks of each lane). `max_bytes` is for both lanes
  // together.
  LanePool(std::size_t threads, std::size_t max_queue,
           std::size_t max_bytes = std::numeric_limits<std::size_t>::max());
  // Runs what is queued, then joins.
  ~LanePool();
  LanePool(const LanePool&) = delete;
  LanePool& operator=(const LanePool&) = delete;

  using TimePoint = std::chrono::steady_clock::time_point;

  struct Job {
    std::function<void()> run;
    TimePoint deadline = TimePoint::max();
    std::size_t bytes = 0;              // that it holds while it waits
    std::function<bool()> cancelled{};  // empty: never
  };

  // Returns false, and drops the job, when its lane's queue is full, its bytes do not fit beside
  // those that wait, or the pool is stopped. A full queue first gets rid of the jobs that nobody
  // wants any more (DropUnwanted).
  bool Submit(Lane lane, Job job);

  // Runs, on this thread, the queued jobs whose deadline has passed or that are cancelled: such a
  // job must see that itself and give up at once.
  void DropUnwanted();

  // Refuses new tasks, runs what is queued, joins. Not from a task. Later calls do nothing.
  void Stop();

  std::size_t queued() const;
  std::size_t queued_bytes() const;
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  struct Task {
    std::uint64_t number = 0;  // in the order of coming, over all queues
    Job job;
  };
  struct Queue {
    std::deque<Task> tasks;
    std::size_t running = 0;
    std::size_t max_running = 0;

    bool ready() const { return !tasks.empty() && running < max_running; }
  };

  void Run();
  bool FitsLocked(Lane lane, std::size_t bytes) NEARHIT_REQUIRES(mu_);
  void TakeUnwantedLocked(std::vector<Task>* unwanted) NEARHIT_REQUIRES(mu_);
  Queue& QueueOf(Lane lane) NEARHIT_REQUIRES(mu_) {
    return queues_[static_cast<std::size_t>(lane)];
  }
  // The lane of the task to run next; nothing when there is none that may.
  std::optional<Lane> NextLocked() NEARHIT_REQUIRES(mu_);

  const std::size_t max_queue_;
  const std::size_t max_bytes_;
  mutable Mutex mu_;
  CondVar ready_;
  std::array<Queue, 2> queues_ NEARHIT_GUARDED_BY(mu_);
  std::uint64_t submitted_ NEARHIT_GUARDED_BY(mu_) = 0;
  std::size_t bytes_ NEARHIT_GUARDED_BY(mu_) = 0;  // of all that is queued
  bool stopped_ NEARHIT_GUARDED_BY(mu_) = false;
  std::atomic<std::uint64_t> refused_{0};
  std::vector<std::thread> threads_;
};

}  // namespace nearhit::server
