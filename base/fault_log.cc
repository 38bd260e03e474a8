#include "base/fault_log.h"

#include <utility>

namespace nearhit {

namespace {

std::string Seconds(FaultLog::TimePoint::duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count()) + " s";
}

std::string Times(std::uint64_t failures) {
  return std::to_string(failures) + (failures == 1 ? " failure" : " failures");
}

}  // namespace

void FaultLog::Note(const Status& status, TimePoint now) {
  std::string line;
  {
    MutexLock lock(&mu_);
    line = status.ok() ? SucceededLocked(now) : FailedLocked(status, now);
  }
  if (!line.empty() && sink_) {
    sink_(status.ok() ? LogLevel::kInfo : LogLevel::kWarning, line);
  }
}

std::string FaultLog::FailedLocked(const Status& status, TimePoint now) {
  if (failures_++ == 0) {
    began_ = now;
    told_ = false;
    failing_.store(true, std::memory_order_relaxed);
  }
  if (now < next_line_) {
    return {};
  }
  std::string reason = status.ToString();
  if (told_ && reason == reason_ && now < next_reminder_) {
    return {};
  }
  std::string line = what_;
  line += told_ ? " still fails, " + Times(failures_) + " in " + Seconds(now - began_) : " fails";
  line += ": " + reason;
  told_ = true;
  reason_ = std::move(reason);
  next_line_ = now + kQuiet;
  next_reminder_ = now + kReminder;
  return line;
}

std::string FaultLog::SucceededLocked(TimePoint now) {
  const std::uint64_t failures = std::exchange(failures_, 0);
  failing_.store(false, std::memory_order_relaxed);
  if (failures == 0 || !told_) {
    return {};
  }
  return what_ + " works again, after " + Times(failures) + " in " + Seconds(now - began_);
}

}  // namespace nearhit
