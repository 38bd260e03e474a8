// The last word: the few best candidates of an approximate encoding, scored with the stored
// vectors.
#pragma once

#include <cstddef>
#include <vector>

#include "index/codec.h"
#include "index/vector_index.h"

namespace nearhit {

// How many candidates a search over `encoding` looks for so that rescoring finds the best `k` among
// them. 1.5 k and a few.
std::size_t CandidatesFor(std::size_t k, Encoding encoding, const VectorSource* source);

// A result of an approximate encoding before the last word.
struct RoughNeighbor {
  Neighbor neighbor;
  float bound = 0;  // its full-precision score is not above this; see Codec::ScoreBound
};

// Scores `candidates` (best first) with the vectors of options.source and keeps the best options.k.
// Each costs a read, so only those are scored that may still be among the best k and reach
// options.min_score; when none may, the nearest is returned as it is. Those that the source does
// not have are dropped.
// Without a source, or when the codes are exact, only cuts to k. Holds no lock.
std::vector<Neighbor> Rescore(const Codec& codec, VectorView query, const SearchOptions& options,
                              const std::vector<RoughNeighbor>& candidates, SearchStats* stats);

}  // namespace nearhit
