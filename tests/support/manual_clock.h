// A clock that moves when the test says so.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace nearhit {

class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t start_us = 1'700'000'000'000'000) : now_us_(start_us) {}

  std::int64_t NowMicros() const override { return now_us_.load(); }
  void AdvanceMicros(std::int64_t delta_us) { now_us_.fetch_add(delta_us); }
  void AdvanceMillis(std::int64_t delta_ms) { AdvanceMicros(delta_ms * 1'000); }

 private:
  std::atomic<std::int64_t> now_us_;
};

}  // namespace nearhit
