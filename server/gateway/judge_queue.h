// Which pairs a judge is asked about, and how often.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>

#include "server/gateway/judge_prompt.h"

namespace nearhit::server {

struct JudgePair {
  JudgeQuestion question{};
  float sureness = 0;          // what is known without a judge; the least comes first
  std::size_t held_bytes = 0;  // that `done` holds
  std::function<void(bool serves)> done{};
};

// The pairs that wait. When they are too many, or too large together, the surest are dropped.
//
// Thread-safety: externally synchronized.
class JudgeQueue {
 public:
  static constexpr std::size_t kMost = 1'000;
  static constexpr std::size_t kMostBytes = std::size_t{16} << 20;

  void Push(JudgePair pair);
  // The least sure; of these the one that came first.
  std::optional<JudgePair> Pop();
  std::size_t size() const { return pairs_.size(); }

 private:
  static std::size_t BytesOf(const JudgePair& pair);

  std::multimap<float, JudgePair> pairs_;
  std::size_t bytes_ = 0;
};

// At most so many calls in any 24 hours.
//
// Thread-safety: externally synchronized.
class JudgeBudget {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::hours kDay{24};

  // Requires: per_day >= 1.
  explicit JudgeBudget(std::uint32_t per_day) : per_day_(per_day) {}

  // When the next call may begin; not after `now` when it may at once.
  TimePoint FreeAt(TimePoint now);
  void Take(TimePoint now) { taken_.push_back(now); }

 private:
  const std::size_t per_day_;
  std::deque<TimePoint> taken_;  // in the last day, the oldest first
};

}  // namespace nearhit::server
