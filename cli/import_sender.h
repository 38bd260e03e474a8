// Batches of an import on their way to the server, a few at a time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "nearhit/status.h"

namespace nearhit {

// What the server did with some items.
struct SendOutcome {
  std::uint64_t stored = 0;
  std::uint64_t replaced = 0;
  std::uint64_t without_vector = 0;
};

// Sends items [begin, end) of a batch. kInvalidArgument: at least one of them is bad and none was
// stored. Called from the sender's threads.
using SendFunction = std::function<Status(std::size_t begin, std::size_t end, SendOutcome*)>;

struct RejectedItem {
  std::size_t index = 0;
  std::string reason;
};

// Sends `count` items; when they are refused, halves them until the bad ones stand alone.
// kUnavailable and kResourceExhausted are tried again a few times with growing pauses; after those
// what is too much for the server at once (a budget, the size of a message) is halved as well.
Status SendIsolating(const SendFunction& send, std::size_t count, SendOutcome* outcome,
                     std::vector<RejectedItem>* rejected,
                     std::chrono::milliseconds pause = std::chrono::milliseconds(100));

// One batch: what to do, and the lines its items came from.
struct SendJob {
  SendFunction send;
  std::vector<std::uint64_t> lines;  // of each item
  std::uint64_t end_line = 0;  // once this and all jobs before are done, the file is done to here
};

// Runs jobs on a few threads.
//
// Thread-safety: Submit and Finish from one thread; the figures from any.
class ImportSender {
 public:
  // `report` is told of items that the server refuses, from any thread, one call at a time.
  ImportSender(std::size_t threads,
               std::function<void(std::uint64_t line, const std::string&)> report);
  ~ImportSender();
  ImportSender(const ImportSender&) = delete;
  ImportSender& operator=(const ImportSender&) = delete;

  // Waits while `threads` jobs are queued. Errors: the first one of a job; nothing is taken then.
  Status Submit(SendJob job);
  // Waits for everything that was submitted.
  Status Finish();

  SendOutcome outcome() const;
  std::uint64_t rejected() const;
  std::uint64_t acknowledged_line() const;  // everything up to here is done

 private:
  void Work();
  void Complete(std::uint64_t number, std::uint64_t end_line);

  const std::size_t max_queued_;
  const std::function<void(std::uint64_t, const std::string&)> report_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<SendJob> queue_;
  std::uint64_t taken_ = 0;      // jobs taken off the queue; numbers them in order of submission
  std::uint64_t completed_ = 0;  // jobs done without a gap
  std::map<std::uint64_t, std::uint64_t> ahead_;  // done beyond a gap: number to end_line
  std::size_t running_ = 0;
  std::uint64_t acknowledged_line_ = 0;
  std::uint64_t rejected_ = 0;
  SendOutcome outcome_;
  Status failed_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace nearhit
