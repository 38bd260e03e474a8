// The last word: the few best candidates of an approximate encoding, scored with the stored vectors.
#pragma once

#include <cstddef>
#include <vector>

#include "index/codec.h"
#include "index/vector_index.h"

namespace nearhit {

// How many candidates a search over `encoding` looks for so that rescoring finds the best `k` among them.
// 1.5 k and a few, as measured for 8-bit codes (docs/decisions/0001).
std::size_t CandidatesFor(std::size_t k, Encoding encoding, const VectorSource* source);

// Scores `candidates` (best first) with the vectors of options.source and keeps the best options.k. Those
// that the source does not have are dropped. Without a source, or when the codes are exact, only cuts to k.
// Holds no lock.
std::vector<Neighbor> Rescore(const Codec& codec, VectorView query, const SearchOptions& options,
                              std::vector<Neighbor> candidates, SearchStats* stats);

}  // namespace nearhit
