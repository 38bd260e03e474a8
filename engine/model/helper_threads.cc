#include "engine/model/helper_threads.h"

#include <algorithm>

namespace nearhit {

HelperThreads::HelperThreads(std::size_t helpers) {
  threads_.reserve(helpers);
  for (std::size_t i = 0; i < helpers; ++i) {
    threads_.emplace_back([this] { Help(); });
  }
}

HelperThreads::~HelperThreads() {
  {
    const MutexLock lock(&mu_);
    stop_ = true;
  }
  work_or_stop_.NotifyAll();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

void HelperThreads::Run(std::size_t helpers, const std::function<void()>& work) {
  Job job{.work = &work, .wanted = std::min(helpers, threads_.size()), .running = 0};
  if (job.wanted > 0) {
    {
      const MutexLock lock(&mu_);
      jobs_.push_back(&job);
    }
    work_or_stop_.NotifyAll();
  }
  work();
  const MutexLock lock(&mu_);
  std::erase(jobs_, &job);  // whoever has not joined by now would find nothing to do
  while (job.running > 0) {
    helper_returned_.Wait(&mu_);
  }
}

void HelperThreads::Help() {
  mu_.Lock();
  while (true) {
    while (jobs_.empty() && !stop_) {
      work_or_stop_.Wait(&mu_);
    }
    if (stop_) {
      break;
    }
    Job* job = jobs_.front();
    ++job->running;
    if (--job->wanted == 0) {
      jobs_.erase(jobs_.begin());
    }
    mu_.Unlock();
    (*job->work)();
    mu_.Lock();
    --job->running;
    helper_returned_.NotifyAll();
  }
  mu_.Unlock();
}

}  // namespace nearhit
