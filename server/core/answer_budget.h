// How many bytes of answers wait for clients to read them.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>

#include "nearhit/result.h"

namespace nearhit::server {

// Shared by all calls of a server. Work whose answer may be large is refused while those that wait
// have more than the limit: a client that asks and does not read cannot fill memory. What is being
// worked on already goes over it, by one answer a thread.
//
// Thread-safety: thread-safe.
class AnswerBudget {
 public:
  explicit AnswerBudget(std::size_t limit) : limit_(limit) {}

  void Hold(std::size_t bytes) { held_.fetch_add(bytes, std::memory_order_relaxed); }
  void Release(std::size_t bytes) {
    held_.fetch_sub(bytes, std::memory_order_relaxed);
    released_.fetch_add(bytes, std::memory_order_relaxed);
  }

  // kResourceExhausted while too much waits.
  Status Check() const {
    const std::size_t held = this->held();
    return held <= limit_
               ? Status()
               : ResourceExhausted("answers of " + std::to_string(held) +
                                   " bytes wait for clients that do not read them, the limit is " +
                                   std::to_string(limit_) + ": read, then retry with backoff");
  }

  std::size_t held() const { return held_.load(std::memory_order_relaxed); }
  // Bytes that were let go since this was last asked.
  std::size_t TakeReleased() { return released_.exchange(0, std::memory_order_relaxed); }

 private:
  const std::size_t limit_;
  std::atomic<std::size_t> held_{0};
  std::atomic<std::size_t> released_{0};
};

// The bytes of one call that are counted in a budget, if any; let go of at the latest when it goes.
//
// Thread-safety: externally synchronized.
class HeldBytes {
 public:
  HeldBytes() = default;
  ~HeldBytes() { Release(); }
  HeldBytes(const HeldBytes&) = delete;
  HeldBytes& operator=(const HeldBytes&) = delete;

  // Requires: nothing is held.
  void Hold(AnswerBudget* budget, std::size_t bytes) {
    budget_ = budget;
    bytes_ = bytes;
    budget->Hold(bytes);
  }
  void Release() {
    if (budget_ != nullptr) {
      budget_->Release(bytes_);
      budget_ = nullptr;
    }
  }

 private:
  AnswerBudget* budget_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace nearhit::server
