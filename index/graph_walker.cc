#include "index/graph_walker.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace nearhit {

std::vector<GraphCandidate> GraphWalker::Walk(const EncodedQuery& query, const WalkPlan& plan,
                                              FilteredWalk* filtered, SearchStats* stats) const {
  const EntryPoint entry = entry_->load();
  if (entry.node == kNoNode) {
    return {};
  }
  std::vector<GraphCandidate> starts =
      Descend(*graph_, entry, query, /*level=*/0, plan.entry_points, stats);
  // Whoever asks for an entry by itself begins there.
  const NodeId same = records_->Find(HashOf(query), [&](NodeId node) {
    return node != plan.without &&
           std::none_of(starts.begin(), starts.end(),
                        [node](const GraphCandidate& start) { return start.node == node; });
  });
  if (same != kNoNode) {
    starts.push_back({.node = same});
  }
  return SearchLevel(*graph_, query, starts, /*level=*/0, plan, filtered, stats);
}

// Some walks for a match that there is lose their way, one of a thousand among 100,000: they end
// at .2 to .5, where others come to .5 and more (docs/lab/2026-11-27-walks.md). So the lowest of
// all, unless they are a match nevertheless, are repeated, four times as wide. How low that is
// depends on the embedder and on what is asked for, and is learnt from the walks, as is what is
// far: as a share of the threshold, within bounds, so that neither scores of another scale nor a
// single search can spoil it.
std::vector<GraphCandidate> GraphWalker::Search(const EncodedQuery& query,
                                                const SearchOptions& options, const WalkPlan& plan,
                                                SearchStats* stats) const {
  std::vector<GraphCandidate> found = Walk(query, plan, /*filtered=*/nullptr, stats);
  if (plan.retry_share == 0 || found.empty()) {
    return found;
  }
  tuner_->NoteSearch(options.min_score);
  const float end = EndOf(query, found, options);
  if (tuner_->TakesAsLow(planner_->Beyond(options.min_score), end, plan.retry_share)) {
    return WalkAgain(query, options, plan, std::move(found), stats);
  }
  return found;
}

std::vector<GraphCandidate> GraphWalker::Rehearse(const EncodedQuery& query,
                                                  const SearchOptions& options,
                                                  const WalkPlan& plan, SearchStats* stats) const {
  std::vector<GraphCandidate> found = Walk(query, plan, /*filtered=*/nullptr, stats);
  if (tuner_->IsLow(planner_->Beyond(options.min_score), EndOf(query, found, options))) {
    found = WalkAgain(query, options, plan, std::move(found), stats);
  }
  return found;
}

// The better one of what a walk found and of what one four times as wide finds.
std::vector<GraphCandidate> GraphWalker::WalkAgain(const EncodedQuery& query,
                                                   const SearchOptions& options, WalkPlan plan,
                                                   std::vector<GraphCandidate> found,
                                                   SearchStats* stats) const {
  if (query.Raw(found.front().score) >= static_cast<double>(options.min_score)) {
    return found;
  }
  plan.near_score = std::numeric_limits<float>::infinity();
  plan.ef *= 4;
  plan.entry_points *= 4;
  std::vector<GraphCandidate> again = Walk(query, plan, /*filtered=*/nullptr, stats);
  if (!again.empty() && again.front().score >= found.front().score) {
    return again;
  }
  return found;
}

}  // namespace nearhit
