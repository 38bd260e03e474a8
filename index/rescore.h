// The last word: the candidates of an approximate encoding, scored with the stored vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "index/codec.h"
#include "index/vector_index.h"

namespace nearhit {

// A result of an approximate encoding before the last word. Scores are in the frame of its codec.
struct RoughNeighbor {
  EntryId id;
  float score = 0;
  ScoreRange range;               // where its full-precision score is
  std::uint32_t fingerprint = 0;  // FingerprintOf its vector; 0: not known
};

// What tells entries of one and the same vector from others whose codes are equal. Never 0.
std::uint32_t FingerprintOf(VectorView vector);

// Of a stream of scored entries, all that may be among the best k by their full-precision scores:
// an entry is left out when k others are surely better. Where codes are good those are hardly more
// than k.
//
// Thread-safety: owned by one thread.
class CandidateSet {
 public:
  // Scores below `least` do not count.
  CandidateSet(std::size_t k, float least) : k_(k), limit_(least) {}

  // The score that a further entry has to reach.
  float limit() const { return limit_; }
  // Whether k entries surely reach limit().
  bool full() const { return lows_.size() == k_; }
  // The best score of those that do not count.
  float nearest() const {
    return has_nearest_ ? nearest_.score : -std::numeric_limits<float>::infinity();
  }
  std::size_t size() const { return candidates_.size(); }
  void Offer(const RoughNeighbor& neighbor);

  // Best first by score, ties by lower id. When none counts: the nearest of those that do not. The
  // set is empty afterwards.
  std::vector<RoughNeighbor> Take();

 private:
  void Prune();

  std::size_t k_;
  float limit_;
  std::vector<float> lows_;  // the k largest lower ends, the least on top
  std::vector<RoughNeighbor> candidates_;
  std::size_t prune_at_ = 256;
  bool has_nearest_ = false;
  RoughNeighbor nearest_;  // of those that do not count
};

// The in-frame score that results have to reach for options.min_score.
float LeastScore(const EncodedQuery& query, const SearchOptions& options);

// Scores `candidates` (best first) with the vectors of options.source and keeps the best options.k.
// Each costs a read, so only those are scored that may still be among the best k and reach
// options.min_score; when none may, the nearest is returned as it is. Those that the source does
// not have are dropped, and entries of one vector are read once.
// Without a source, or when the codes are exact, only cuts to k. Ends early past options.deadline.
// Holds no lock.
struct Rescored {
  std::vector<Neighbor> neighbors;
  std::size_t dropped = 0;
};
Rescored Rescore(const Codec& codec, VectorView vector, const EncodedQuery& query,
                 const SearchOptions& options, const std::vector<RoughNeighbor>& candidates,
                 SearchStats* stats);

// So many comparisons a loop makes between two looks at the clock: some tenths of a millisecond.
inline constexpr std::size_t kBetweenClocks = 4096;

// Rescores what `candidates_for(k)` finds. Either may end early past options.deadline: what they
// have then is not looked at. When the source did not have some of it and fewer than
// options.k are left, it is asked for more: those that were dropped had kept others out.
template <typename CandidatesFor>
Result<std::vector<Neighbor>> SearchAndRescore(const Codec& codec, VectorView vector,
                                               const EncodedQuery& query,
                                               const SearchOptions& options, SearchStats* stats,
                                               const CandidatesFor& candidates_for) {
  constexpr int kTries = 4;
  std::size_t k = options.k;
  for (int i = 1;; ++i) {
    const std::vector<RoughNeighbor> candidates = candidates_for(k);
    Rescored rescored = Rescore(codec, vector, query, options, candidates, stats);
    if (options.IsLate()) {
      return DeadlineExceeded("deadline passed during a search");
    }
    if (rescored.dropped == 0 || rescored.neighbors.size() >= options.k || candidates.size() < k ||
        i == kTries) {
      return std::move(rescored.neighbors);
    }
    k = options.k + 4 * rescored.dropped;
  }
}

}  // namespace nearhit
