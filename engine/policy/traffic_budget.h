// The score from which a namespace may serve, by what its traffic looks like.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace nearhit {

// A budget that was calibrated on other traffic holds where as many requests have something near as
// there. This estimates the share of requests that would be answered wrongly here: each request
// whose best odds reach a score adds the chance that they are wrong. The lowest score under the
// budget is what may be served; it never goes below the one that was calibrated.
//
// Thread-safety: thread-safe.
class TrafficBudget {
 public:
  TrafficBudget(float max_error, float calibrated);

  // A request has ended, with these odds or nothing that is near.
  void Observe(const float* odds);
  // The logarithm of the odds from which entries may be served, now.
  float least() const { return least_.load(std::memory_order_relaxed); }

 private:
  // Bins of odds, from the lowest.
  static constexpr float kLowest = -4;
  static constexpr float kWidth = 0.125F;
  static constexpr std::size_t kBins = 96;
  // Estimates of a finite sample err: the calibration's one-sided bound was 1.25 times the
  // estimate.
  static constexpr double kMargin = 1.25;
  // Requests between two looks at the bins; after so many all counts are halved.
  static constexpr std::uint64_t kInterval = 64;
  static constexpr std::uint64_t kWindow = 32'768;

  void Update();

  const float max_error_;
  const float calibrated_;
  std::array<std::atomic<std::uint64_t>, kBins> bins_{};
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<float> least_;
};

}  // namespace nearhit
