#include "cli/import_sender.h"

#include <chrono>
#include <utility>

namespace nearhit {
namespace {

struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool patient = true;  // about what is too much, which may be a queue that is full for a moment
};

Status SendPatiently(const SendFunction& send, const Range& range, std::chrono::milliseconds pause,
                     SendOutcome* outcome) {
  constexpr int kTries = 6;
  for (int attempt = 1;; ++attempt) {
    Status status = send(range.begin, range.end, outcome);
    const bool again = status.code() == StatusCode::kUnavailable ||
                       (status.code() == StatusCode::kResourceExhausted && range.patient);
    if (!again || attempt == kTries) {
      return status;
    }
    std::this_thread::sleep_for(pause);
    pause *= 2;
  }
}

}  // namespace

Status SendIsolating(const SendFunction& send, std::size_t count, SendOutcome* outcome,
                     std::vector<RejectedItem>* rejected, std::chrono::milliseconds pause) {
  std::vector<Range> ranges{{.begin = 0, .end = count}};
  while (!ranges.empty()) {
    const Range range = ranges.back();
    ranges.pop_back();
    const std::size_t size = range.end - range.begin;
    if (size == 0) {
      continue;
    }
    Status status = SendPatiently(send, range, pause, outcome);
    if (status.ok()) {
      continue;
    }
    const bool too_much = status.code() == StatusCode::kResourceExhausted && size > 1;
    if (status.code() != StatusCode::kInvalidArgument && !too_much) {
      return status;
    }
    if (size == 1) {
      rejected->push_back({range.begin, std::string(status.message())});
      continue;
    }
    // Pauses were made for the whole, and are for one that goes alone.
    const std::size_t middle = range.begin + size / 2;
    const auto half = [too_much](std::size_t begin, std::size_t end) {
      return Range{.begin = begin, .end = end, .patient = !too_much || end - begin == 1};
    };
    ranges.push_back(half(middle, range.end));
    ranges.push_back(half(range.begin, middle));
  }
  return {};
}

ImportSender::ImportSender(std::size_t threads,
                           std::function<void(std::uint64_t, const std::string&)> report)
    : max_queued_(threads), report_(std::move(report)) {
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { Work(); });
  }
}

ImportSender::~ImportSender() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    queue_.clear();
    failed_.IgnoreError();  // Finish() reports it to those who ask
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

Status ImportSender::Submit(SendJob job) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return queue_.size() < max_queued_ || !failed_.ok(); });
  if (!failed_.ok()) {
    return failed_;
  }
  queue_.push_back(std::move(job));
  changed_.notify_all();
  return {};
}

Status ImportSender::Finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return running_ == 0 && (queue_.empty() || !failed_.ok()); });
  return failed_;
}

void ImportSender::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || (!queue_.empty() && failed_.ok()); });
    if (stop_) {
      return;
    }
    const SendJob job = std::move(queue_.front());
    queue_.pop_front();
    const std::uint64_t number = taken_++;
    ++running_;
    changed_.notify_all();
    lock.unlock();
    SendOutcome outcome;
    std::vector<RejectedItem> rejected;
    const Status status = SendIsolating(job.send, job.lines.size(), &outcome, &rejected);
    lock.lock();
    --running_;
    outcome_.stored += outcome.stored;
    outcome_.replaced += outcome.replaced;
    outcome_.without_vector += outcome.without_vector;
    rejected_ += rejected.size();
    for (const RejectedItem& item : rejected) {
      report_(job.lines[item.index], item.reason);
    }
    if (status.ok()) {
      Complete(number, job.end_line);
    } else if (failed_.ok()) {
      failed_ = status;
    }
    changed_.notify_all();
  }
}

void ImportSender::Complete(std::uint64_t number, std::uint64_t end_line) {
  ahead_.emplace(number, end_line);
  for (auto next = ahead_.begin(); next != ahead_.end() && next->first == completed_;
       next = ahead_.begin()) {
    acknowledged_line_ = next->second;
    ++completed_;
    ahead_.erase(next);
  }
}

SendOutcome ImportSender::outcome() const {
  const std::lock_guard lock(mutex_);
  return outcome_;
}

std::uint64_t ImportSender::rejected() const {
  const std::lock_guard lock(mutex_);
  return rejected_;
}

std::uint64_t ImportSender::acknowledged_line() const {
  const std::lock_guard lock(mutex_);
  return acknowledged_line_;
}

}  // namespace nearhit
