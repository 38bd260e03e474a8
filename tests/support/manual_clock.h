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
  std::int64_t SteadyMicros() const override { return steady_us_.load(); }
  // Time goes by.
  void AdvanceMicros(std::int64_t delta_us) {
    now_us_.fetch_add(delta_us);
    steady_us_.fetch_add(delta_us);
  }
  // Somebody sets the wall clock.
  void SetWallForwardMillis(std::int64_t delta_ms) { now_us_.fetch_add(delta_ms * 1'000); }
  void AdvanceMillis(std::int64_t delta_ms) { AdvanceMicros(delta_ms * 1'000); }

 private:
  std::atomic<std::int64_t> now_us_;
  std::atomic<std::int64_t> steady_us_{0};
};

}  // namespace nearhit
