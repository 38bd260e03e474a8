#include "server/worker_pool.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"

namespace nearhit::server {

WorkerPool::WorkerPool(std::size_t threads, std::size_t max_queue) : max_queue_(max_queue) {
  NEARHIT_CHECK(threads >= 1 && max_queue >= 1);
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { Run(); });
  }
}

WorkerPool::~WorkerPool() {
  Stop();
}

bool WorkerPool::Submit(TimePoint deadline, std::function<void()> task) {
  std::vector<Task> expired;
  bool queued = false;
  {
    MutexLock lock(&mu_);
    if (!stopped_ && queue_.size() >= max_queue_) {
      expired = TakeExpiredLocked();
    }
    if (!stopped_ && queue_.size() < max_queue_) {
      queue_.push_back({deadline, std::move(task)});
      ready_.NotifyOne();
      queued = true;
    }
  }
  for (Task& late : expired) {
    late.run();
  }
  if (!queued) {
    refused_.fetch_add(1, std::memory_order_relaxed);
  }
  return queued;
}

std::vector<WorkerPool::Task> WorkerPool::TakeExpiredLocked() {
  const TimePoint now = std::chrono::steady_clock::now();
  const auto first_late = std::stable_partition(
      queue_.begin(), queue_.end(), [now](const Task& task) { return task.deadline > now; });
  std::vector<Task> expired(std::make_move_iterator(first_late),
                            std::make_move_iterator(queue_.end()));
  queue_.erase(first_late, queue_.end());
  return expired;
}

void WorkerPool::Stop() {
  {
    MutexLock lock(&mu_);
    if (stopped_) {
      return;
    }
    stopped_ = true;
    ready_.NotifyAll();
  }
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

std::size_t WorkerPool::queued() const {
  MutexLock lock(&mu_);
  return queue_.size();
}

void WorkerPool::Run() {
  for (;;) {
    std::function<void()> task;
    {
      MutexLock lock(&mu_);
      while (queue_.empty() && !stopped_) {
        ready_.Wait(&mu_);
      }
      if (queue_.empty()) {
        return;
      }
      task = std::move(queue_.front().run);
      queue_.pop_front();
    }
    task();
  }
}

}  // namespace nearhit::server
