// How far a search walks through a graph: a function of what it asks for, of the number of entries
// and of what the graph has observed. Why: docs/decisions/0009-walk-widths.md.
#pragma once

#include <array>
#include <cstddef>

#include "index/codec.h"
#include "index/vector_index.h"
#include "index/walk_plan.h"

namespace nearhit {

// What a graph has observed of its walks (WalkTuner). The defaults stand for a graph that has not
// been searched yet.
struct WalkObservations {
  // From here on the same end of a walk is a smaller share of the threshold: observed apart.
  static constexpr float kClose = .90F;

  float match_width = 1;    // how much wider than usual walks for near-duplicates have to be
  float nearest_width = 1;  // and those for nearest neighbours
  bool whole_scores = false;
  // What the lowest fifth of walks for near-duplicates ends under, as a share of the threshold: for
  // thresholds under kClose, and for others.
  std::array<float, 2> far_share = {1, 1};
};

// Thread-safety: constant.
class WalkPlanner {
 public:
  // `common`: the cosine that any two of the vectors have; see Codec::centre_squared.
  WalkPlanner(IndexMetric metric, double common) : metric_(metric), common_(common) {}

  // How far a search for `k` candidates walks. Scores in the plan are those of the vectors.
  WalkPlan Plan(const SearchOptions& options, std::size_t k, std::size_t entries,
                const WalkObservations& observed) const;

  // How much of a cosine is beyond what any two of the vectors have in common: 0 for those that are
  // as much alike as most, 1 for the same. Thresholds mean something on this scale.
  float Beyond(float score) const;

  // The plan with its scores in the frame of the query.
  WalkPlan InFrame(const EncodedQuery& query, WalkPlan plan) const;
  // How high a walk ended whose best score, in the frame, is `best`: as a share of what was asked
  // for, from -1 to 1.
  float EndOf(const EncodedQuery& query, float best, const SearchOptions& options) const;

 private:
  const IndexMetric metric_;
  const double common_;
};

}  // namespace nearhit
