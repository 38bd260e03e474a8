#include "engine/database/reembedding_queue.h"

#include <algorithm>
#include <utility>

namespace nearhit {

namespace {
constexpr std::chrono::hours kNothingToDo{1};
}  // namespace

void ReembeddingQueue::Add(std::shared_ptr<Reembedding> change) {
  Cancel(change->name());
  {
    MutexLock lock(&mu_);
    changes_[change->name()] = std::move(change);
  }
  MutexLock lock(&wake_mu_);
  added_ = true;
  woken_.NotifyAll();
}

std::shared_ptr<Reembedding> ReembeddingQueue::Take(std::string_view name) {
  MutexLock lock(&mu_);
  const auto found = changes_.find(name);
  if (found == changes_.end()) {
    return nullptr;
  }
  std::shared_ptr<Reembedding> change = std::move(found->second);
  changes_.erase(found);
  return change;
}

void ReembeddingQueue::Cancel(std::string_view name) {
  if (const std::shared_ptr<Reembedding> cancelled = Take(name)) {
    cancelled->Cancel();
  }
}

std::shared_ptr<Reembedding> ReembeddingQueue::Find(std::string_view name) const {
  MutexLock lock(&mu_);
  const auto found = changes_.find(name);
  return found == changes_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Reembedding>> ReembeddingQueue::All() const {
  MutexLock lock(&mu_);
  std::vector<std::shared_ptr<Reembedding>> all;
  for (const auto& [name, change] : changes_) {
    all.push_back(change);
  }
  return all;
}

void ReembeddingQueue::ScheduleNext(Reembedding* change, const Status& status) {
  if (!IsCurrent(*change) || closing_) {
    status.IgnoreError();  // it has switched, or was cancelled and failed over that
    return;
  }
  if (change->ScheduleNext(status, first_wait_)) {
    log_(LogLevel::kWarning, "re-embedding namespace " + change->name() +
                                 " failed and will be tried again: " + status.ToString());
  }
}

Reembedding::TimePoint ReembeddingQueue::AdvanceDue() {
  const auto now = std::chrono::steady_clock::now();
  auto next = now + kNothingToDo;
  for (const std::shared_ptr<Reembedding>& change : All()) {
    if (closing_) {
      break;
    }
    if (change->due() <= now) {
      Result<bool> done = change->Advance();
      if (done.ok() && *done) {
        done = switch_over_(change.get());
      }
      ScheduleNext(change.get(), done.status());
      if (done.ok() && *done) {
        continue;
      }
    }
    next = std::min(next, change->due());
  }
  return next;
}

void ReembeddingQueue::RunAll() {
  for (const std::shared_ptr<Reembedding>& change : All()) {
    Result<bool> done = false;
    while (done.ok() && !*done) {
      done = change->Advance();
      if (done.ok() && *done) {
        done = switch_over_(change.get());
      }
    }
    ScheduleNext(change.get(), done.status());
  }
}

void ReembeddingQueue::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void ReembeddingQueue::Stop() {
  if (!thread_.joinable()) {
    return;
  }
  {
    MutexLock lock(&wake_mu_);
    stop_ = true;
  }
  woken_.NotifyAll();
  thread_.join();
}

void ReembeddingQueue::StopWaiting() {
  closing_ = true;
  for (const std::shared_ptr<Reembedding>& change : All()) {
    change->StopWaiting();
  }
}

void ReembeddingQueue::Loop() {
  auto next = std::chrono::steady_clock::now();
  while (true) {
    {
      MutexLock lock(&wake_mu_);
      while (!stop_ && !added_ && woken_.WaitUntil(&wake_mu_, next)) {
      }
      if (stop_) {
        return;
      }
      added_ = false;
    }
    next = AdvanceDue();
  }
}

}  // namespace nearhit
