// The changes of embedders of a database: each gets one page of work in turn, on a thread of its
// own or when maintenance is run. What a change is and does: reembedding.h.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/fault_log.h"
#include "base/mutex.h"
#include "engine/database/reembedding.h"
#include "nearhit/result.h"

namespace nearhit {

// Thread-safety: thread-safe, but Start and Stop by one thread, and Stop before the end of what the
// functions use.
class ReembeddingQueue {
 public:
  // Puts the complete copy in place. Whether it did; if not, more has to be copied first. It takes
  // the change out of the queue when it did.
  using SwitchOver = std::function<Result<bool>(Reembedding* change)>;

  // A change that fails is due again after `first_wait`, and later after longer.
  ReembeddingQueue(SwitchOver switch_over, std::chrono::milliseconds first_wait, FaultLog::Sink log)
      : switch_over_(std::move(switch_over)), first_wait_(first_wait), log_(std::move(log)) {}
  ~ReembeddingQueue() { Stop(); }
  ReembeddingQueue(const ReembeddingQueue&) = delete;
  ReembeddingQueue& operator=(const ReembeddingQueue&) = delete;

  // Takes the place of one for the same namespace, which is cancelled.
  void Add(std::shared_ptr<Reembedding> change);
  // That of a namespace, which leaves the queue; null when there is none.
  std::shared_ptr<Reembedding> Take(std::string_view name);
  // The same, and cancels it: when this returns, nothing is written to the copy any more.
  void Cancel(std::string_view name);

  // Null when there is none.
  std::shared_ptr<Reembedding> Find(std::string_view name) const;
  std::vector<std::shared_ptr<Reembedding>> All() const;
  bool IsCurrent(const Reembedding& change) const { return Find(change.name()).get() == &change; }

  // Works on all of them until they are done or fail; not beside the thread.
  void RunAll();
  // From here on a thread works on them, until Stop.
  void Start();
  void Stop();
  // No page is begun any more, and none waits for an embedder.
  void StopWaiting();

 private:
  void ScheduleNext(Reembedding* change, const Status& status);
  // One page of each that is due; returns when to come back.
  Reembedding::TimePoint AdvanceDue();
  void Loop();

  // Constant after construction.
  const SwitchOver switch_over_;
  const std::chrono::milliseconds first_wait_;
  const FaultLog::Sink log_;

  mutable Mutex mu_;
  std::map<std::string, std::shared_ptr<Reembedding>, std::less<>> changes_ NEARHIT_GUARDED_BY(mu_);

  std::atomic<bool> closing_{false};
  Mutex wake_mu_;
  CondVar woken_;
  bool stop_ NEARHIT_GUARDED_BY(wake_mu_) = false;
  bool added_ NEARHIT_GUARDED_BY(wake_mu_) = false;  // since the thread looked
  std::thread thread_;
};

}  // namespace nearhit
