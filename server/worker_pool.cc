#include "server/worker_pool.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"

namespace nearhit::server {

namespace {

constexpr std::size_t kReservedShare = 4;  // of the threads, one in so many is not for embedding

}  // namespace

WorkerPool::WorkerPool(std::size_t threads, std::size_t max_queue) : max_queue_(max_queue) {
  NEARHIT_CHECK(threads >= 1 && max_queue >= 1);
  const std::size_t reserved =
      std::min(threads - 1, std::max<std::size_t>(1, threads / kReservedShare));
  {
    MutexLock lock(&mu_);
    QueueOf(Lane::kStorage).max_running = threads;
    QueueOf(Lane::kEmbedding).max_running = threads - reserved;
  }
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { Run(); });
  }
}

WorkerPool::~WorkerPool() {
  Stop();
}

bool WorkerPool::Submit(Lane lane, TimePoint deadline, std::function<void()> task) {
  std::vector<Task> expired;
  bool queued = false;
  {
    MutexLock lock(&mu_);
    Queue& queue = QueueOf(lane);
    if (!stopped_ && queue.tasks.size() >= max_queue_) {
      expired = queue.TakeExpired();
    }
    if (!stopped_ && queue.tasks.size() < max_queue_) {
      queue.tasks.push_back({deadline, submitted_++, std::move(task)});
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

std::vector<WorkerPool::Task> WorkerPool::Queue::TakeExpired() {
  const TimePoint now = std::chrono::steady_clock::now();
  const auto first_late = std::stable_partition(
      tasks.begin(), tasks.end(), [now](const Task& task) { return task.deadline > now; });
  std::vector<Task> expired(std::make_move_iterator(first_late),
                            std::make_move_iterator(tasks.end()));
  tasks.erase(first_late, tasks.end());
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
  std::size_t tasks = 0;
  for (const Queue& queue : queues_) {
    tasks += queue.tasks.size();
  }
  return tasks;
}

std::optional<Lane> WorkerPool::NextLocked() {
  const Queue& storage = QueueOf(Lane::kStorage);
  const Queue& embedding = QueueOf(Lane::kEmbedding);
  if (!storage.ready() && !embedding.ready()) {
    return std::nullopt;
  }
  if (!storage.ready() || !embedding.ready()) {
    return storage.ready() ? Lane::kStorage : Lane::kEmbedding;
  }
  return storage.tasks.front().number < embedding.tasks.front().number ? Lane::kStorage
                                                                       : Lane::kEmbedding;
}

void WorkerPool::Run() {
  std::optional<Lane> lane;
  for (;;) {
    std::function<void()> task;
    {
      MutexLock lock(&mu_);
      if (lane) {
        --QueueOf(*lane).running;
      }
      lane = NextLocked();
      while (!lane && !stopped_) {
        ready_.Wait(&mu_);
        lane = NextLocked();
      }
      if (!lane) {  // what is queued still is for the threads that run its lane
        return;
      }
      Queue& queue = QueueOf(*lane);
      task = std::move(queue.tasks.front().run);
      queue.tasks.pop_front();
      ++queue.running;
    }
    task();
  }
}

}  // namespace nearhit::server
