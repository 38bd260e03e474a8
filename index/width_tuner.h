// How much wider than usual a graph has to be walked, from how often it does not find its own
// entries.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace nearhit {

// What is usual was measured on sentence embeddings, which are easy: near-duplicates lie where
// walks lead. Among entries that lie about equally far from each other (many versions of one text,
// each moved at random), a walk has to look at all of them. Probes tell: entries that are asked
// for by vectors near them. While over one of 256 is lost, walks get wider by half; while under one
// of 1,024 is, they get narrower again. What is between stays: to tell more takes more probes.
//
// Thread-safety: factor() from any thread, the rest from one at a time.
class WidthTuner {
 public:
  static constexpr float kMost = 16;
  static constexpr float kWorthwhile = 5;
  static constexpr std::uint32_t kWindow = 8'192;  // probes
  static constexpr std::uint32_t kManyLost = 32;
  static constexpr std::uint32_t kFewLost = 8;

  // Takes in whether a probe was found.
  void Report(bool found) {
    ++in_window_;
    lost_ += found ? 0U : 1U;
    if (lost_ >= kManyLost) {
      Change(1.5F);
    } else if (in_window_ == kWindow) {
      Change(lost_ <= kFewLost ? 1 / 1.25F : 1.0F);
    }
  }

  // 1 to kMost.
  float factor() const { return factor_.load(std::memory_order_relaxed); }
  // Whether walks are so wide that a scan of some hundred thousand entries takes no longer, and
  // still lose what it would find.
  bool gives_up() const { return factor() > kWorthwhile; }

 private:
  void Change(float by) {
    factor_.store(std::clamp(factor() * by, 1.0F, kMost), std::memory_order_relaxed);
    in_window_ = 0;
    lost_ = 0;
  }

  std::atomic<float> factor_{1};
  std::uint32_t in_window_ = 0;
  std::uint32_t lost_ = 0;
};

}  // namespace nearhit
