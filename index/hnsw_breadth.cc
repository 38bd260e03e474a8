// HnswIndex: how far searches walk, which the graph finds out by itself.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "index/hnsw_index.h"
#include "index/rescore.h"

namespace nearhit {

namespace {
// Walks that end among the lowest fifth count as far from all matches.
constexpr float kFarShare = .2F;
}  // namespace

// Near-duplicates are far easier to find than nearest neighbours, so the work follows the
// threshold. Measured on sentence embeddings (docs/lab/2026-11-27-walks.md), 83,107 with 20,000
// held out: of 1,691 at .90 or above, none is lost that a walk with ef 10 came near to, and of
// 4,817 at .80 two are with 20; the steps leave room. A walk for one match settles once it has one:
// of 1,263 at .80, 1,262 are the nearest entry there is, and the distances are half as many. Walks
// score roughly, so what is enough is 2 % above the threshold.
//
// Walks for near-duplicates that fail do so by losing their way far from them, the more of them the
// more entries there are. So those that stay far, and only they, go much further among more entries
// (`near`), and the lowest of them are walked again (Candidates). Nearest neighbours have more
// near ones to be chosen from, and take three times the ef for ten times the entries, and several
// nodes to begin from. Where a graph loses its own entries all the same, walks for near-duplicates
// are wider (Probe).
//
// All of that is for caches, where any match will do, and for cosines beyond what all vectors have
// in common (Beyond): a walk for the nearest neighbours goes as far with a threshold as without
// one, and as much further as Calibrate found out.
Breadth HnswIndex::BreadthFor(const SearchOptions& options, std::size_t k,
                              std::size_t entries) const {
  constexpr double kMeasured = 100'000;
  const double tenfolds = std::log10(std::max(1.0, static_cast<double>(entries) / kMeasured));
  const std::size_t wanted = std::max(k + 3, k + k / 2);
  Breadth breadth;
  breadth.rough = !whole_scores_.load(std::memory_order_relaxed);
  breadth.starts += static_cast<std::size_t>(std::lround(4 * tenfolds));
  if (options.ef != 0) {
    breadth.ef = std::max(options.ef, wanted);
    return breadth;
  }
  const float asked = Beyond(options.min_score);
  const bool for_match = options.any_match && k <= 4 && codec_.metric() == IndexMetric::kCosine &&
                         asked > 0 && options.filter == nullptr;
  const auto at_least = [wanted](double ef) {
    return std::max(static_cast<std::size_t>(ef), 2 * wanted);
  };
  const bool near_duplicate = for_match && asked >= .80F;
  if (!near_duplicate) {
    const double nearest = options.filter == nullptr ? 64 : 96;  // filters ask for .99 of them
    const double usual = for_match ? 80 : nearest * width_.load(std::memory_order_relaxed);
    breadth.ef = at_least(usual * std::pow(3.0, tenfolds));
  } else {
    const bool nearer = asked >= .90F;
    const double factor = tuner_.factor();
    breadth.ef = at_least(factor * (nearer ? 16 + 24 * tenfolds : 32 + 16 * tenfolds));
    breadth.starts = 1 + static_cast<std::size_t>(std::lround(std::log2(factor)));
    breadth.again = static_cast<float>(.005 + .01 * tenfolds);
    if (k == 1) {
      // However low walks end: nothing is near under so much of what is asked for.
      const auto at_all = static_cast<float>(std::min(1.0, .6 + .2 * tenfolds));
      breadth.near = asked * std::max(EndsFor(asked).far.value(), at_all);
      breadth.near_ef = at_least(factor * (nearer ? 12 + 4 * tenfolds : 24 + 8 * tenfolds));
    }
  }
  if (for_match && k == 1) {
    breadth.enough = asked * 1.02F;
    breadth.settled = near_duplicate ? 8 : 20;
  }
  return breadth;
}

// How much of a cosine is beyond what any two of the vectors have in common: 0 for those that are
// as much alike as most, 1 for the same. Thresholds mean something on this scale.
float HnswIndex::Beyond(float score) const {
  const auto common = static_cast<float>(codec_.centre_squared());
  return common < 1 ? (score - common) / (1 - common) : -1;
}

// From that scale to scores in the frame of a query.
Breadth HnswIndex::InFrame(const EncodedQuery& query, Breadth breadth) const {
  const double common = codec_.centre_squared();
  const auto in_frame = [&](float beyond) {
    const double score = common + (1 - common) * static_cast<double>(beyond);
    return std::isinf(beyond) ? beyond : static_cast<float>(query.InFrame(score));
  };
  breadth.near = in_frame(breadth.near);
  breadth.enough = in_frame(breadth.enough);
  return breadth;
}

// Some walks for a match that there is lose their way, one of a thousand among 100,000: they end
// at .2 to .5, where others come to .5 and more (docs/lab/2026-11-27-walks.md). So the lowest of
// all, unless they are a match nevertheless, are walked again, four times as wide. How low that is
// depends on the embedder and on what is asked for, and is learnt from the walks, as is what is
// far: as a share of the threshold, within bounds, so that neither scores of another scale nor a
// single search can spoil it.
std::vector<GraphCandidate> HnswIndex::Nodes(const EncodedQuery& query,
                                             const SearchOptions& options, Breadth breadth,
                                             SearchStats* stats) const {
  breadth = InFrame(query, breadth);
  std::vector<GraphCandidate> found = WalkFor(query, breadth, /*filtered=*/nullptr, stats);
  if (breadth.again == 0 || found.empty()) {
    return found;
  }
  if (asked_.load(std::memory_order_relaxed) != options.min_score) {
    asked_.store(options.min_score, std::memory_order_relaxed);
  }
  const float end = EndOf(query, found, options);
  Ends& ends = EndsFor(Beyond(options.min_score));
  ends.far.TakesAsLow(end, kFarShare);
  if (ends.lowest.TakesAsLow(end, breadth.again)) {
    return WalkAgain(query, options, breadth, std::move(found), stats);
  }
  return found;
}

// How high a walk ended, as a share of what is asked for.
float HnswIndex::EndOf(const EncodedQuery& query, std::span<const GraphCandidate> found,
                       const SearchOptions& options) const {
  const auto score = static_cast<float>(query.Raw(found.front().score));
  return std::clamp(Beyond(score) / Beyond(options.min_score), -1.0F, 1.0F);
}

std::vector<GraphCandidate> HnswIndex::WalkFor(const EncodedQuery& query, const Breadth& breadth,
                                               FilteredWalk* filtered, SearchStats* stats) const {
  const EntryPoint entry = entry_.load();
  if (entry.node == kNoNode) {
    return {};
  }
  std::vector<GraphCandidate> starts =
      Descend(*graph_, entry, query, /*level=*/0, breadth.starts, stats);
  // Whoever asks for an entry by itself begins there.
  const NodeId same = records_.Find(HashOf(query), [&](NodeId node) {
    return node != breadth.without &&
           std::none_of(starts.begin(), starts.end(),
                        [node](const GraphCandidate& start) { return start.node == node; });
  });
  if (same != kNoNode) {
    starts.push_back({.node = same});
  }
  return SearchLevel(*graph_, query, starts, /*level=*/0, breadth, filtered, stats);
}

// The better one of what a walk found and of what one four times as wide finds. Requires: `breadth`
// is in the frame.
std::vector<GraphCandidate> HnswIndex::WalkAgain(const EncodedQuery& query,
                                                 const SearchOptions& options, Breadth breadth,
                                                 std::vector<GraphCandidate> found,
                                                 SearchStats* stats) const {
  if (query.Raw(found.front().score) >= static_cast<double>(options.min_score)) {
    return found;
  }
  breadth.near = std::numeric_limits<float>::infinity();
  breadth.ef *= 4;
  breadth.starts *= 4;
  std::vector<GraphCandidate> again = WalkFor(query, breadth, /*filtered=*/nullptr, stats);
  if (!again.empty() && again.front().score >= found.front().score) {
    return again;
  }
  return found;
}

// Asks the graph for one of its own entries, moved at random to a little above the threshold that
// was asked for last, and reports to the tuner whether a search would have found it. Before the
// first search nobody knows which walks would be walked again, and nobody loses anything.
void HnswIndex::Probe() {
  const float asked = asked_.load(std::memory_order_relaxed);
  if (asked == 0 || asked >= 1 || graph_->slots() == 0) {
    return;
  }
  const auto node = static_cast<NodeId>(random_() % graph_->slots());
  if (graph_->LevelOf(node) < 0) {
    return;  // free
  }
  std::vector<float> query(codec_.dimension());
  codec_.Decode(graph_->Record(node), query);
  const auto length = [&query] {
    return std::sqrt(std::inner_product(query.begin(), query.end(), query.begin(), 0.0F));
  };
  if (std::abs(length() - 1) > .03F) {
    return;  // not of cosine
  }
  const float cosine = asked + (1 - asked) / 3;
  const float away = std::sqrt((1 - cosine * cosine) / static_cast<float>(query.size()));
  std::uint64_t signs = 0;
  for (std::size_t i = 0; i < query.size(); ++i) {
    signs = i % 16 == 0 ? random_() >> 8U : signs >> 1U;
    query[i] = cosine * query[i] + ((signs & 1U) != 0 ? away : -away);
  }
  const float moved_length = length();
  for (float& component : query) {
    component /= moved_length;
  }
  const SearchOptions options{.k = 1, .min_score = asked, .any_match = true};
  const EncodedQuery encoded = codec_.EncodeQuery(query);
  const Breadth breadth = InFrame(encoded, BreadthFor(options, size()));
  SearchStats stats;
  const ReadSection section;
  std::vector<GraphCandidate> found = WalkFor(encoded, breadth, /*filtered=*/nullptr, &stats);
  if (EndsFor(Beyond(asked)).lowest.IsLow(EndOf(encoded, found, options))) {
    found = WalkAgain(encoded, options, breadth, std::move(found), &stats);
  }
  // The entry itself may be a little below, as it was moved.
  const float own = codec_.Score(encoded, graph_->Record(node));
  tuner_.Report(static_cast<double>(found.front().score) >=
                std::min(encoded.InFrame(static_cast<double>(asked)), static_cast<double>(own)));
}

}  // namespace nearhit
