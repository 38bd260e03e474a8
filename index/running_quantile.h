// A quantile of a stream of scores, estimated in one word.
#pragma once

#include <atomic>

namespace nearhit {

// Stochastic approximation with a constant step (Robbins and Monro, "A Stochastic Approximation
// Method", 1951): every value moves the estimate, so it follows a stream that changes. What a burst
// of low values takes off is made good by so many others that the burst is their share.
//
// Thread-safety: thread-safe. Values that arrive at once may be counted as one.
class RunningQuantile {
 public:
  // Takes in a value between -1 and 1, and returns whether it is among the lowest `share` (0 to 1)
  // of late. Whatever is under 1 is at first: some 50 values tell.
  bool TakesAsLow(float value, float share) {
    const float estimate = estimate_.load(std::memory_order_relaxed);
    const bool low = value < estimate;
    estimate_.store(estimate + kStep * (low ? share - 1 : share), std::memory_order_relaxed);
    return low;
  }

  // Whether it is among them, without taking it in.
  bool IsLow(float value) const { return value < estimate_.load(std::memory_order_relaxed); }
  // 1 before the first one.
  float value() const { return estimate_.load(std::memory_order_relaxed); }

 private:
  static constexpr float kStep = 0.01F;

  std::atomic<float> estimate_{1};
};

}  // namespace nearhit
