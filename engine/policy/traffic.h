// What the requests of a namespace look like to its policy.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace nearhit {

// Counts requests by the odds of the best candidate that they had. Old ones fade: after kWindow
// requests all counts are halved.
//
// Thread-safety: thread-safe.
class Traffic {
 public:
  // A request has ended: whether a candidate was near that no guard refused, and the logarithm of
  // its odds where they were estimated. True when so many have come that another look pays.
  bool Observe(bool near, std::optional<float> odds);

  std::uint64_t requests() const { return requests_.load(std::memory_order_relaxed); }
  std::uint64_t near() const { return near_.load(std::memory_order_relaxed); }
  // Requests of the last thousands, or where little is near of the last ten thousands, for each
  // that had something near; at least 1. 0: too few to say.
  float RequestsPerNear() const;

  // The lowest odds from which no more than `max_error` of all requests are expected to be answered
  // wrongly: each adds the chance that its odds say.
  float LeastOdds(float max_error) const;
  // Shares of all requests.
  struct Shares {
    float served = 0;
    float wrong = 0;  // expected
  };
  Shares From(float least_odds) const;

 private:
  // Bins of odds, from the lowest.
  static constexpr float kLowest = -4;
  static constexpr float kWidth = 0.125F;
  static constexpr std::size_t kBins = 96;
  // Estimates of a finite sample err: the calibration's one-sided bound was 1.25 times the
  // estimate.
  static constexpr double kMargin = 1.25;
  static constexpr std::uint64_t kInterval = 64;
  static constexpr std::uint64_t kWindow = 32'768;
  static constexpr std::uint64_t kRecent = 4'096;
  static constexpr std::uint64_t kLeastRecent = 100;  // with something near
  static constexpr std::uint64_t kLeastNear = 30;     // of all

  static float OddsOf(std::size_t bin) { return kLowest + kWidth * static_cast<float>(bin); }
  // What a bin holds, and how much of it is expected to be wrong.
  double Count(std::size_t bin) const;
  double Wrong(std::size_t bin) const;
  void Fade();

  std::array<std::atomic<std::uint64_t>, kBins> bins_{};
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> near_{0};
  // As the two before, halved after kRecent requests.
  std::atomic<std::uint64_t> recent_requests_{0};
  std::atomic<std::uint64_t> recent_near_{0};
};

}  // namespace nearhit
