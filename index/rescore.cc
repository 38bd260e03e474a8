#include "index/rescore.h"

#include <algorithm>

namespace nearhit {

std::size_t CandidatesFor(std::size_t k, Encoding encoding, const VectorSource* source) {
  return encoding == Encoding::kFloat32 || source == nullptr ? k : std::max(k + 3, k + k / 2);
}

std::vector<Neighbor> Rescore(const Codec& codec, VectorView query, const SearchOptions& options,
                              std::vector<Neighbor> candidates, SearchStats* stats) {
  if (options.source != nullptr && codec.encoding() != Encoding::kFloat32) {
    std::vector<float> vector(codec.dimension());
    std::size_t kept = 0;
    for (const Neighbor& candidate : candidates) {
      if (options.source->Load(candidate.id, vector)) {
        candidates[kept++] = {.id = candidate.id, .score = codec.ExactScore(query, vector)};
        ++stats->rescored;
      }
    }
    candidates.resize(kept);
    std::sort(candidates.begin(), candidates.end());
  }
  if (candidates.size() > options.k) {
    candidates.resize(options.k);
  }
  return candidates;
}

}  // namespace nearhit
