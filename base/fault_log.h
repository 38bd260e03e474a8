// Lines that say when something begins to fail, why, and when it works again.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "nearhit/options.h"
#include "nearhit/status.h"

namespace nearhit {

// However often the thing is tried, there are two lines a minute at most: what fails on and off is
// told of once a minute, what goes on failing every ten minutes, or a minute after its reason has
// changed.
//
// Thread-safety: thread-safe. A success while all is well costs one load.
class FaultLog {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Sink = std::function<void(LogLevel, const std::string&)>;

  static constexpr std::chrono::minutes kQuiet{1};
  static constexpr std::chrono::minutes kReminder{10};

  // `what` begins the lines: "the embedder of namespace faq".
  FaultLog(std::string what, Sink sink) : what_(std::move(what)), sink_(std::move(sink)) {}
  ~FaultLog() = default;
  FaultLog(const FaultLog&) = delete;
  FaultLog& operator=(const FaultLog&) = delete;

  // How a try has ended. The status goes into the log as it is.
  void Note(const Status& status) {
    if (!status.ok() || failing_.load(std::memory_order_relaxed)) {
      Note(status, std::chrono::steady_clock::now());
    }
  }
  void Note(const Status& status, TimePoint now) NEARHIT_EXCLUDES(mu_);

 private:
  // The line to write; empty for none.
  std::string FailedLocked(const Status& status, TimePoint now) NEARHIT_REQUIRES(mu_);
  std::string SucceededLocked(TimePoint now) NEARHIT_REQUIRES(mu_);

  const std::string what_;
  const Sink sink_;
  std::atomic<bool> failing_{false};

  Mutex mu_;
  std::uint64_t failures_ NEARHIT_GUARDED_BY(mu_) = 0;  // these four: of the fault that lasts
  TimePoint began_ NEARHIT_GUARDED_BY(mu_);
  bool told_ NEARHIT_GUARDED_BY(mu_) = false;
  std::string reason_ NEARHIT_GUARDED_BY(mu_);  // that the log knows
  TimePoint next_line_ NEARHIT_GUARDED_BY(mu_) = TimePoint::min();
  TimePoint next_reminder_ NEARHIT_GUARDED_BY(mu_);
};

}  // namespace nearhit
