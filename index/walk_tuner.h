// What a graph observes of its own walks, and a WalkPlanner plans the next ones by.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>

#include "base/prefetch.h"
#include "index/running_quantile.h"
#include "index/walk_planner.h"
#include "index/width_tuner.h"

namespace nearhit {

// Learns from three sources: searches say how high walks for near-duplicates end, probes whether
// such walks find what there is, and a calibration how wide walks for nearest neighbours have to
// be. Thresholds and ends are on the scale of WalkPlanner::Beyond, but for that of NoteSearch.
//
// Thread-safety: thread-safe, but ReportProbe and SetCalibration by one thread at a time.
class WalkTuner {
 public:
  struct Calibration {
    float width = 1;
    bool whole_scores = false;
    bool looks_further = false;  // there may be others as good as the last that a walk found
    bool failed = false;         // however wide walks are, too many neighbours are lost
  };

  WalkObservations Observations() const;

  // Of searches for a near-duplicate: what they ask for as users see it, and where they end.
  void NoteSearch(float min_score);
  float last_min_score() const {  // 0 before the first
    return of_searches_.min_score.load(std::memory_order_relaxed);
  }
  // Takes in the end of a walk. Returns whether it is among the lowest `retry_share`.
  bool TakesAsLow(float threshold, float end, float retry_share);
  // Whether it is among them, without taking it in.
  bool IsLow(float threshold, float end) const { return EndsFor(threshold).lowest.IsLow(end); }
  // What the lowest of them end under.
  float LowEnd(float threshold) const { return EndsFor(threshold).lowest.value(); }

  void ReportProbe(bool found) { width_.Report(found); }
  float match_width() const { return width_.factor(); }

  void SetCalibration(const Calibration& calibration);
  bool looks_further() const { return looks_further_.load(std::memory_order_relaxed); }

  // Whether the graph does not find its own entries, as wide as walks are: nearly equal distances
  // between them lead nowhere. A scan does.
  bool LosesEntries() const { return width_.gives_up() || calibration_failed_.load(); }

 private:
  // Shares of the threshold: what the lowest walks end under, and those that stay far.
  struct Ends {
    RunningQuantile lowest;
    RunningQuantile far;
  };
  static std::size_t ClassOf(float threshold) {
    return threshold >= WalkObservations::kClose ? 1 : 0;
  }
  const Ends& EndsFor(float threshold) const { return of_searches_.ends[ClassOf(threshold)]; }

  // In a cache line of its own: searches write it.
  struct alignas(kCacheLine) OfSearches {
    std::array<Ends, 2> ends;
    std::atomic<float> min_score{0};
  };

  OfSearches of_searches_;
  WidthTuner width_;
  std::atomic<float> nearest_width_{1};
  std::atomic<bool> whole_scores_{false};
  std::atomic<bool> looks_further_{false};
  std::atomic<bool> calibration_failed_{false};
};

}  // namespace nearhit
