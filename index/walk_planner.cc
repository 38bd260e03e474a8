#include "index/walk_planner.h"

#include <algorithm>
#include <cmath>

namespace nearhit {

// Near-duplicates are far easier to find than nearest neighbours, so the work follows the
// threshold. Measured on sentence embeddings (docs/lab/2026-11-27-walks.md), 83,107 with 20,000
// held out: of 1,691 at .90 or above, none is lost that a walk with ef 10 came near to, and of
// 4,817 at .80 two are with 20; the steps leave room. A walk for one match settles once it has one:
// of 1,263 at .80, 1,262 are the nearest entry there is, and the distances are half as many. Walks
// score roughly, so what is enough is 2 % above the threshold.
//
// Walks for near-duplicates that fail do so by losing their way far from them, the more of them the
// more entries there are. So those that stay far, and only they, go much further among more entries
// (`near_score`), and the lowest of them are repeated (`retry_share`). Nearest neighbours have more
// near ones to be chosen from, and take three times the ef for ten times the entries, and several
// nodes to begin from. Where a graph loses its own entries all the same, walks for near-duplicates
// are wider (`match_width`).
//
// All of that is for caches, where any match will do, and for cosines beyond what all vectors have
// in common (Beyond): a walk for the nearest neighbours goes as far with a threshold as without
// one, and as much further as was observed (`nearest_width`).
WalkPlan WalkPlanner::Plan(const SearchOptions& options, std::size_t k, std::size_t entries,
                           const WalkObservations& observed) const {
  constexpr double kMeasured = 100'000;
  const double tenfolds = std::log10(std::max(1.0, static_cast<double>(entries) / kMeasured));
  const std::size_t wanted = std::max(k + 3, k + k / 2);
  WalkPlan plan;
  plan.rough = !observed.whole_scores;
  plan.entry_points += static_cast<std::size_t>(std::lround(4 * tenfolds));
  if (options.ef != 0) {
    plan.ef = std::max(options.ef, wanted);
    return plan;
  }
  const float asked = Beyond(options.min_score);
  const bool for_match = options.any_match && k <= 4 && metric_ == IndexMetric::kCosine &&
                         asked > 0 && options.filter == nullptr;
  const auto at_least = [wanted](double ef) {
    return std::max(static_cast<std::size_t>(ef), 2 * wanted);
  };
  const bool near_duplicate = for_match && asked >= .80F;
  if (!near_duplicate) {
    const double nearest = options.filter == nullptr ? 64 : 96;  // filters ask for .99 of them
    const double usual = for_match ? 80 : nearest * observed.nearest_width;
    plan.ef = at_least(usual * std::pow(3.0, tenfolds));
  } else {
    const bool close = asked >= WalkObservations::kClose;
    const double width = observed.match_width;
    plan.ef = at_least(width * (close ? 16 + 24 * tenfolds : 32 + 16 * tenfolds));
    plan.entry_points = 1 + static_cast<std::size_t>(std::lround(std::log2(width)));
    plan.retry_share = static_cast<float>(.005 + .01 * tenfolds);
    if (k == 1) {
      // However low walks end: nothing is near under so much of what is asked for.
      const auto at_all = static_cast<float>(std::min(1.0, .6 + .2 * tenfolds));
      plan.near_score = asked * std::max(observed.far_share[close ? 1 : 0], at_all);
      plan.ef_once_near = at_least(width * (close ? 12 + 4 * tenfolds : 24 + 8 * tenfolds));
    }
  }
  if (for_match && k == 1) {
    plan.match_score = asked * 1.02F;
    plan.ef_once_matched = near_duplicate ? 8 : 20;
  }
  return plan;
}

float WalkPlanner::Beyond(float score) const {
  const auto common = static_cast<float>(common_);
  return common < 1 ? (score - common) / (1 - common) : -1;
}

WalkPlan WalkPlanner::InFrame(const EncodedQuery& query, WalkPlan plan) const {
  const auto in_frame = [&](float beyond) {
    const double score = common_ + (1 - common_) * static_cast<double>(beyond);
    return std::isinf(beyond) ? beyond : static_cast<float>(query.InFrame(score));
  };
  plan.near_score = in_frame(plan.near_score);
  plan.match_score = in_frame(plan.match_score);
  return plan;
}

float WalkPlanner::EndOf(const EncodedQuery& query, float best,
                         const SearchOptions& options) const {
  const auto score = static_cast<float>(query.Raw(best));
  return std::clamp(Beyond(score) / Beyond(options.min_score), -1.0F, 1.0F);
}

}  // namespace nearhit
