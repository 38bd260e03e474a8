// How far a walk over one level of a graph goes.
#pragma once

#include <cstddef>
#include <limits>

#include "index/graph_store.h"

namespace nearhit {

// A walk ends when the `ef` best nodes that it has seen are expanded. The first node of
// `near_score` shows that it has come to where matches hardly get lost, so `ef_once_near` will do.
// The first of `match_score` is a match: the walk only makes sure that no other one is better.
struct WalkPlan {
  // How many of the best are expanded when the best of them has this score.
  std::size_t Limit(float best) const {
    return best >= match_score ? ef_once_matched : best >= near_score ? ef_once_near : ef;
  }

  std::size_t ef = 1;
  float near_score = std::numeric_limits<float>::infinity();
  std::size_t ef_once_near = 1;
  float match_score = std::numeric_limits<float>::infinity();
  std::size_t ef_once_matched = 1;
  std::size_t entry_points = 1;  // nodes that the descent ends with, and the walk begins from
  float retry_share = 0;         // of walks: those that end lowest are repeated, four times as wide
  bool rough = true;  // by RoughScore; else by Score, which tells entries that are alike apart
  NodeId without = kNoNode;  // the walk does not come to it; requires: no start is it
};

}  // namespace nearhit
