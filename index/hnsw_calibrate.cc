// HnswIndex: how far walks for the nearest neighbours have to go, found out by comparing
// everything.

#include <algorithm>
#include <vector>

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

// The `count` best scores of a stream, the least of them on top.
class BestScores {
 public:
  explicit BestScores(std::size_t count) : best_(count) {}
  void Offer(float score) {
    if (size_ < best_.size()) {
      best_[size_++] = score;
    } else if (score > best_.back()) {
      best_.back() = score;
    } else {
      return;
    }
    for (std::size_t i = size_ - 1; i > 0 && best_[i] > best_[i - 1]; --i) {
      std::swap(best_[i], best_[i - 1]);
    }
  }
  float least() const { return best_[size_ - 1]; }
  std::size_t size() const { return size_; }

 private:
  std::vector<float> best_;
  std::size_t size_ = 0;
};

}  // namespace

// An entry. Under an inner product of vectors of any length, where whatever is long is near to all,
// half of the time what is between one and another.
EncodedQuery HnswIndex::SampleQuery(NodeId node) {
  const auto other = static_cast<NodeId>(random_() % graph_->slots());
  if (codec_.metric() != IndexMetric::kDot || random_() % 2 == 0 || graph_->LevelOf(other) < 0) {
    return codec_.QueryOf(graph_->Record(node));
  }
  std::vector<float> from(codec_.dimension());
  std::vector<float> to(codec_.dimension());
  codec_.Decode(graph_->Record(node), from);
  codec_.Decode(graph_->Record(other), to);
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i] -= from[i];
  }
  return codec_.EncodeQuery(to);
}

// As if the entry was not stored: its own links would lead to what is near to it. Those above level
// 0 are left out, because a descent may end at one.
HnswIndex::Sample HnswIndex::Measure(Breadth breadth, std::size_t nearest) {
  Sample sample;
  const auto node = static_cast<NodeId>(random_() % graph_->slots());
  if (graph_->LevelOf(node) != 0 || entry_.load().node == node) {
    return sample;
  }
  breadth.without = node;
  const EncodedQuery query = SampleQuery(node);
  BestScores truth(nearest);
  for (NodeId other = 0; other < graph_->slots(); ++other) {
    if (other != node && graph_->LevelOf(other) >= 0) {
      truth.Offer(codec_.Score(query, graph_->Record(other)));
    }
  }
  SearchStats stats;
  const std::vector<GraphCandidate> found = WalkFor(query, breadth, /*filtered=*/nullptr, &stats);
  const auto right = std::count_if(found.begin(), found.end(), [&truth](const auto& candidate) {
    return candidate.score >= truth.least();
  });
  sample.searched = truth.size();
  sample.found = std::min(truth.size(), static_cast<std::size_t>(right));
  if (found.size() > nearest && found.size() >= breadth.ef) {
    const auto range = [&](const GraphCandidate& candidate) {
      return codec_.RangeOf(query, graph_->Record(candidate.node), candidate.score);
    };
    sample.cut_off = range(found.back()).high >= range(found[nearest - 1]).low ? 1 : 0;
  }
  return sample;
}

bool HnswIndex::Calibrate(const std::atomic<bool>* stop) {
  {
    MutexLock writer(&write_mu_);
    if (size() < 2 * calibrated_at_ || graph_->slots() <= 4 * kNearest) {
      return false;
    }
    calibrated_at_ = size();
  }
  width_.store(1);
  whole_scores_.store(false);
  const auto measure = [this, stop](const Breadth& breadth, std::size_t nearest = kNearest) {
    Sample sum;
    for (std::size_t i = 0; i < kSamples; ++i) {
      if (stop != nullptr && stop->load(std::memory_order_relaxed)) {
        return Sample();  // as if all was found: nothing changes
      }
      MutexLock writer(&write_mu_);
      const Sample one = Measure(breadth, nearest);
      sum.searched += one.searched;
      sum.found += one.found;
      sum.cut_off += one.cut_off;
    }
    return sum;
  };
  const auto recall = [](const Sample& sample) {
    return sample.searched == 0
               ? 1.0
               : static_cast<double>(sample.found) / static_cast<double>(sample.searched);
  };
  const SearchOptions options{.k = kNearest};
  Sample sample = measure(BreadthFor(options, size()));
  alike_.store(sample.cut_off * 20 > kSamples);
  if (recall(sample) < kWanted) {
    Breadth whole = BreadthFor(options, size());
    whole.rough = false;
    const Sample better = measure(whole);
    if (recall(better) > recall(sample) + kBetter) {
      whole_scores_.store(true);
      sample = better;
    }
  }
  while (recall(sample) < kWanted && width_.load() < kWidest) {
    // Walks twice as wide for good are worth as many samples again.
    Sample both = measure(BreadthFor(options, size()));
    if (both.searched > 0) {  // not stopped
      both.searched += sample.searched;
      both.found += sample.found;
    }
    sample = both;
    if (recall(sample) < kWanted) {
      width_.store(2 * width_.load());
      sample = measure(BreadthFor(options, size()));
    }
  }
  const Sample deep = measure(BreadthFor({.k = kDeep}, size()), kDeep);
  calibration_failed_.store(recall(sample) < kWanted || recall(deep) < kWantedDeep);
  return true;
}

}  // namespace nearhit
