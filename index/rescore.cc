#include "index/rescore.h"

#include <algorithm>

namespace nearhit {

std::size_t CandidatesFor(std::size_t k, Encoding encoding, const VectorSource* source) {
  return encoding == Encoding::kFloat32 || source == nullptr ? k : std::max(k + 3, k + k / 2);
}

std::vector<Neighbor> Rescore(const Codec& codec, VectorView query, const SearchOptions& options,
                              const std::vector<RoughNeighbor>& candidates, SearchStats* stats) {
  std::vector<Neighbor> best;
  if (options.source == nullptr || codec.encoding() == Encoding::kFloat32) {
    for (std::size_t i = 0; i < std::min(candidates.size(), options.k); ++i) {
      best.push_back(candidates[i].neighbor);
    }
    return best;
  }
  std::vector<float> vector(codec.dimension());
  for (const RoughNeighbor& candidate : candidates) {
    if (candidate.bound < options.min_score ||
        (best.size() == options.k && candidate.bound < best.back().score)) {
      continue;
    }
    const EntryId id = candidate.neighbor.id;
    if (!options.source->Load(id, vector)) {
      continue;
    }
    ++stats->rescored;
    const Neighbor exact{.id = id, .score = codec.ExactScore(query, vector)};
    best.insert(std::upper_bound(best.begin(), best.end(), exact), exact);
    if (best.size() > options.k) {
      best.pop_back();
    }
  }
  if (best.empty() && !candidates.empty() && candidates.front().bound < options.min_score) {
    best.push_back(candidates.front().neighbor);  // certainly too far: no read to say how far
  }
  return best;
}

}  // namespace nearhit
