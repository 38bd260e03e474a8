#include "index/graph_prober.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/epoch.h"

namespace nearhit {

namespace {

using std::chrono::steady_clock;

constexpr std::uint64_t kAddsToAProbe = 8;
constexpr std::chrono::milliseconds kTimeOfACall{1};

float LengthOf(const std::vector<float>& vector) {
  return std::sqrt(std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0F));
}

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

void GraphProber::OnAdd(const GraphWalker& walker, std::size_t entries) {
  probed_ = 0;
  if (++added_ % kAddsToAProbe == 0) {
    Probe(walker, entries);
  }
}

bool GraphProber::ProbeSome(const GraphWalker& walker, std::size_t entries) {
  const WalkTuner& tuner = walker.tuner();
  const float min_score = tuner.last_min_score();
  if (min_score == 0) {
    return false;  // nobody has asked
  }
  const auto until = steady_clock::now() + kTimeOfACall;
  const auto asked = std::pair(min_score, tuner.match_width());
  // Where walks that end as low as those of before are not repeated any more, more are lost.
  constexpr float kLower = .05F;
  const float low_end = tuner.LowEnd(walker.planner().Beyond(min_score));
  if (asked != probed_for_ || low_end < low_end_ - kLower) {
    probed_for_ = asked;
    low_end_ = low_end;
    probed_ = 0;
  }
  // Those that hit a free slot count as well: a graph may have hardly any entries left.
  while (probed_ < WidthTuner::kWindow && steady_clock::now() < until) {
    Probe(walker, entries);
    ++probed_;
  }
  return probed_ < WidthTuner::kWindow || tuner.match_width() != probed_for_.second;
}

// Asks the graph for one of its own entries, moved at random to a little above the threshold that
// was asked for last, and reports to the tuner whether a search would have found it. Before the
// first search nobody knows which walks would be repeated, and nobody loses anything.
void GraphProber::Probe(const GraphWalker& walker, std::size_t entries) {
  const GraphStore& graph = walker.graph();
  const Codec& codec = graph.codec();
  const float asked = walker.tuner().last_min_score();
  if (asked == 0 || asked >= 1 || graph.slots() == 0) {
    return;
  }
  const auto node = static_cast<NodeId>(random_() % graph.slots());
  if (graph.LevelOf(node) < 0) {
    return;  // free
  }
  std::vector<float> query(codec.dimension());
  codec.Decode(graph.Record(node), query);
  if (std::abs(LengthOf(query) - 1) > .03F) {
    return;  // not of cosine
  }
  const float cosine = asked + (1 - asked) / 3;
  const float away = std::sqrt((1 - cosine * cosine) / static_cast<float>(query.size()));
  std::uint64_t signs = 0;
  for (std::size_t i = 0; i < query.size(); ++i) {
    signs = i % 16 == 0 ? random_() >> 8U : signs >> 1U;
    query[i] = cosine * query[i] + ((signs & 1U) != 0 ? away : -away);
  }
  const float moved_length = LengthOf(query);
  for (float& component : query) {
    component /= moved_length;
  }
  const SearchOptions options{.k = 1, .min_score = asked, .any_match = true};
  const EncodedQuery encoded = codec.EncodeQuery(query);
  const WalkPlanner& planner = walker.planner();
  const WalkPlan plan = planner.InFrame(
      encoded, planner.Plan(options, options.k, entries, walker.tuner().Observations()));
  SearchStats stats;
  const ReadSection section;
  const std::vector<GraphCandidate> found = walker.Rehearse(encoded, options, plan, &stats);
  // The entry itself may be a little below, as it was moved.
  const float own = codec.Score(encoded, graph.Record(node));
  walker.tuner().ReportProbe(
      static_cast<double>(found.front().score) >=
      std::min(encoded.InFrame(static_cast<double>(asked)), static_cast<double>(own)));
}

// An entry. Under an inner product of vectors of any length, where whatever is long is near to all,
// half of the time what is between one and another.
EncodedQuery GraphProber::SampleQuery(const GraphStore& graph, NodeId node) {
  const Codec& codec = graph.codec();
  const auto other = static_cast<NodeId>(random_() % graph.slots());
  if (codec.metric() != IndexMetric::kDot || random_() % 2 == 0 || graph.LevelOf(other) < 0) {
    return codec.QueryOf(graph.Record(node));
  }
  std::vector<float> from(codec.dimension());
  std::vector<float> to(codec.dimension());
  codec.Decode(graph.Record(node), from);
  codec.Decode(graph.Record(other), to);
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i] -= from[i];
  }
  return codec.EncodeQuery(to);
}

// As if the entry was not stored: its own links would lead to what is near to it. Those above level
// 0 are left out, because a descent may end at one.
GraphProber::Sample GraphProber::Measure(const GraphWalker& walker, WalkPlan plan,
                                         std::size_t nearest) {
  const GraphStore& graph = walker.graph();
  const Codec& codec = graph.codec();
  Sample sample;
  const auto node = static_cast<NodeId>(random_() % graph.slots());
  if (graph.LevelOf(node) != 0 || walker.entry().node == node) {
    return sample;
  }
  plan.without = node;
  const EncodedQuery query = SampleQuery(graph, node);
  BestScores truth(nearest);
  for (NodeId other = 0; other < graph.slots(); ++other) {
    if (other != node && graph.LevelOf(other) >= 0) {
      truth.Offer(codec.Score(query, graph.Record(other)));
    }
  }
  SearchStats stats;
  const std::vector<GraphCandidate> found = walker.Walk(query, plan, /*filtered=*/nullptr, &stats);
  const auto right = std::count_if(found.begin(), found.end(), [&truth](const auto& candidate) {
    return candidate.score >= truth.least();
  });
  sample.searched = truth.size();
  sample.found = std::min(truth.size(), static_cast<std::size_t>(right));
  if (found.size() > nearest && found.size() >= plan.ef) {
    const auto range = [&](const GraphCandidate& candidate) {
      return codec.RangeOf(query, graph.Record(candidate.node), candidate.score);
    };
    sample.cut_off = range(found.back()).high >= range(found[nearest - 1]).low ? 1 : 0;
  }
  return sample;
}

}  // namespace nearhit
