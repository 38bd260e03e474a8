#include "server/core/lane_pool.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace nearhit::server {

namespace {

constexpr std::size_t kReservedShare = 4;  // of the threads, one in so many is not for embedding

}  // namespace

LanePool::LanePool(std::size_t threads, std::size_t max_queue, std::size_t max_bytes)
    : max_queue_(max_queue), max_bytes_(max_bytes) {
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

LanePool::~LanePool() {
  Stop();
}

bool LanePool::Submit(Lane lane, Job job) {
  std::vector<Task> unwanted;
  bool queued = false;
  {
    MutexLock lock(&mu_);
    if (!stopped_ && !FitsLocked(lane, job.bytes)) {
      TakeUnwantedLocked(&unwanted);
    }
    if (!stopped_ && FitsLocked(lane, job.bytes)) {
      bytes_ += job.bytes;
      QueueOf(lane).tasks.push_back({submitted_++, std::move(job)});
      ready_.NotifyOne();
      queued = true;
    }
  }
  for (Task& task : unwanted) {
    task.job.run();
  }
  if (!queued) {
    refused_.fetch_add(1, std::memory_order_relaxed);
  }
  return queued;
}

void LanePool::DropUnwanted() {
  std::vector<Task> unwanted;
  {
    MutexLock lock(&mu_);
    TakeUnwantedLocked(&unwanted);
  }
  for (Task& task : unwanted) {
    task.job.run();
  }
}

// One may be larger than all that may wait: then it waits alone.
bool LanePool::FitsLocked(Lane lane, std::size_t bytes) {
  return QueueOf(lane).tasks.size() < max_queue_ &&
         (bytes_ == 0 || (bytes <= max_bytes_ && bytes_ <= max_bytes_ - bytes));
}

void LanePool::TakeUnwantedLocked(std::vector<Task>* unwanted) {
  const TimePoint now = std::chrono::steady_clock::now();
  for (Queue& queue : queues_) {
    const auto first =
        std::stable_partition(queue.tasks.begin(), queue.tasks.end(), [now](const Task& task) {
          return task.job.deadline > now && !(task.job.cancelled && task.job.cancelled());
        });
    for (auto task = first; task != queue.tasks.end(); ++task) {
      bytes_ -= task->job.bytes;
      unwanted->push_back(std::move(*task));
    }
    queue.tasks.erase(first, queue.tasks.end());
  }
}

void LanePool::Stop() {
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

std::size_t LanePool::queued() const {
  MutexLock lock(&mu_);
  std::size_t tasks = 0;
  for (const Queue& queue : queues_) {
    tasks += queue.tasks.size();
  }
  return tasks;
}

std::size_t LanePool::queued_bytes() const {
  MutexLock lock(&mu_);
  return bytes_;
}

std::optional<Lane> LanePool::NextLocked() {
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

void LanePool::Run() {
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
      bytes_ -= queue.tasks.front().job.bytes;
      task = std::move(queue.tasks.front().job.run);
      queue.tasks.pop_front();
      ++queue.running;
    }
    task();
  }
}

}  // namespace nearhit::server
