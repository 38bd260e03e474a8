// HnswIndex: how far walks for the nearest neighbours have to go, found out by comparing
// everything.

#include <cstddef>

#include "index/hnsw_index.h"

namespace nearhit {

namespace {

constexpr std::size_t kNearest = 10;
// A graph of vectors of very different length may find these and lose what comes after them.
constexpr std::size_t kDeep = 50;
constexpr std::size_t kSamples = 48;
constexpr float kWidest = 16;
// Of the ten nearest of an entry; a graph of sentence embeddings finds .99.
constexpr double kWanted = .98;
constexpr double kWantedDeep = .8;
// So much better that it is worth reading twice as much.
constexpr double kBetter = .01;

}  // namespace

bool HnswIndex::Calibrate(const std::atomic<bool>* stop) {
  {
    MutexLock writer(&write_mu_);
    if (size() < 2 * calibrated_at_ || graph_->slots() <= 4 * kNearest) {
      return false;
    }
    calibrated_at_ = size();
  }
  const auto measure = [this, stop](const WalkPlan& plan, std::size_t nearest = kNearest) {
    GraphProber::Sample sum;
    for (std::size_t i = 0; i < kSamples; ++i) {
      if (stop != nullptr && stop->load(std::memory_order_relaxed)) {
        return GraphProber::Sample();  // as if all was found: nothing changes
      }
      MutexLock writer(&write_mu_);
      const GraphProber::Sample one = prober_.Measure(walker(), plan, nearest);
      sum.searched += one.searched;
      sum.found += one.found;
      sum.cut_off += one.cut_off;
    }
    return sum;
  };
  const auto recall = [](const GraphProber::Sample& sample) {
    return sample.searched == 0
               ? 1.0
               : static_cast<double>(sample.found) / static_cast<double>(sample.searched);
  };
  WalkTuner::Calibration result;
  const auto plan = [&](std::size_t k = kNearest) {
    return planner_.Plan({.k = k}, k, size(),
                         {.nearest_width = result.width, .whole_scores = result.whole_scores});
  };
  GraphProber::Sample sample = measure(plan());
  result.looks_further = sample.cut_off * 20 > kSamples;
  if (recall(sample) < kWanted) {
    WalkPlan whole = plan();
    whole.rough = false;
    const GraphProber::Sample better = measure(whole);
    if (recall(better) > recall(sample) + kBetter) {
      result.whole_scores = true;
      sample = better;
    }
  }
  while (recall(sample) < kWanted && result.width < kWidest) {
    // Walks twice as wide for good are worth as many samples again.
    GraphProber::Sample both = measure(plan());
    if (both.searched > 0) {  // not stopped
      both.searched += sample.searched;
      both.found += sample.found;
    }
    sample = both;
    if (recall(sample) < kWanted) {
      result.width *= 2;
      sample = measure(plan());
    }
  }
  const GraphProber::Sample deep = measure(plan(kDeep), kDeep);
  result.failed = recall(sample) < kWanted || recall(deep) < kWantedDeep;
  tuner_.SetCalibration(result);
  return true;
}

}  // namespace nearhit
