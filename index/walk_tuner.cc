#include "index/walk_tuner.h"

namespace nearhit {

namespace {
// Walks that end among the lowest fifth count as far from all matches.
constexpr float kFarShare = .2F;
}  // namespace

WalkObservations WalkTuner::Observations() const {
  return {.match_width = width_.factor(),
          .nearest_width = nearest_width_.load(std::memory_order_relaxed),
          .whole_scores = whole_scores_.load(std::memory_order_relaxed),
          .far_share = {of_searches_.ends[0].far.value(), of_searches_.ends[1].far.value()}};
}

void WalkTuner::NoteSearch(float min_score) {
  if (last_min_score() != min_score) {
    of_searches_.min_score.store(min_score, std::memory_order_relaxed);
  }
}

bool WalkTuner::TakesAsLow(float threshold, float end, float retry_share) {
  Ends& ends = of_searches_.ends[ClassOf(threshold)];
  ends.far.TakesAsLow(end, kFarShare);
  return ends.lowest.TakesAsLow(end, retry_share);
}

void WalkTuner::SetCalibration(const Calibration& calibration) {
  nearest_width_.store(calibration.width);
  whole_scores_.store(calibration.whole_scores);
  looks_further_.store(calibration.looks_further);
  calibration_failed_.store(calibration.failed);
}

}  // namespace nearhit
