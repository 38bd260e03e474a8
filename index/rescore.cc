#include "index/rescore.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <unordered_map>
#include <utility>

#include "base/hash.h"

namespace nearhit {

namespace {

bool IsBefore(const RoughNeighbor& a, const RoughNeighbor& b) {
  return a.score != b.score ? a.score > b.score : a.id < b.id;
}

// The best k of full precision. Ordered in float64: two that round to the same float may differ.
class ExactBest {
 public:
  explicit ExactBest(std::size_t k) : k_(k) {}

  bool empty() const { return best_.empty(); }
  // Whether an entry whose score may be `high` may belong to them. Scores are in the frame.
  bool MayTake(double high) const { return best_.size() < k_ || high >= best_.back().score; }
  void Offer(EntryId id, double score) {
    const Scored scored{.score = score, .id = id};
    best_.insert(std::upper_bound(best_.begin(), best_.end(), scored), scored);
    if (best_.size() > k_) {
      best_.pop_back();
    }
  }
  std::vector<Neighbor> Take(const EncodedQuery& query) const {
    std::vector<Neighbor> neighbors;
    neighbors.reserve(best_.size());
    for (const Scored& scored : best_) {
      neighbors.push_back({.id = scored.id, .score = static_cast<float>(query.Raw(scored.score))});
    }
    return neighbors;
  }

 private:
  struct Scored {
    double score;
    EntryId id;
    friend bool operator<(const Scored& a, const Scored& b) {
      return a.score != b.score ? a.score > b.score : a.id < b.id;
    }
  };

  const std::size_t k_;
  std::vector<Scored> best_;  // best first
};

constexpr std::size_t kReadsBetweenClocks = 8;

}  // namespace

std::uint32_t FingerprintOf(VectorView vector) {
  const std::string_view bytes(reinterpret_cast<const char*>(vector.data()),
                               vector.size() * sizeof(float));
  return std::max<std::uint32_t>(1, static_cast<std::uint32_t>(Hash64(bytes)));
}

void CandidateSet::Offer(const RoughNeighbor& neighbor) {
  if (!(neighbor.range.high >= limit_)) {
    if (!has_nearest_ || IsBefore(neighbor, nearest_)) {
      nearest_ = neighbor;
      has_nearest_ = true;
    }
    return;
  }
  candidates_.push_back(neighbor);
  if (lows_.size() < k_) {
    lows_.push_back(neighbor.range.low);
    std::push_heap(lows_.begin(), lows_.end(), std::greater<>());
  } else if (neighbor.range.low > lows_.front()) {
    std::pop_heap(lows_.begin(), lows_.end(), std::greater<>());
    lows_.back() = neighbor.range.low;
    std::push_heap(lows_.begin(), lows_.end(), std::greater<>());
  }
  if (lows_.size() == k_) {
    limit_ = std::max(limit_, lows_.front());
  }
  if (candidates_.size() >= prune_at_) {
    Prune();
    prune_at_ = 2 * candidates_.size() + 256;
  }
}

void CandidateSet::Prune() {
  std::erase_if(candidates_,
                [this](const RoughNeighbor& candidate) { return candidate.range.high < limit_; });
}

std::vector<RoughNeighbor> CandidateSet::Take() {
  Prune();
  if (candidates_.empty() && has_nearest_) {
    candidates_.push_back(nearest_);
  }
  std::sort(candidates_.begin(), candidates_.end(), IsBefore);
  return std::move(candidates_);
}

// From a float below: a full-precision score that rounds to min_score reaches it.
float LeastScore(const EncodedQuery& query, const SearchOptions& options) {
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  const auto below = static_cast<double>(std::nextafter(options.min_score, kLowest));
  return std::nextafter(static_cast<float>(query.InFrame(below)), kLowest);
}

Rescored Rescore(const Codec& codec, VectorView vector, const EncodedQuery& query,
                 const SearchOptions& options, const std::vector<RoughNeighbor>& candidates,
                 SearchStats* stats) {
  const auto rough = [&query](const RoughNeighbor& candidate) {
    return Neighbor{.id = candidate.id, .score = static_cast<float>(query.Raw(candidate.score))};
  };
  Rescored rescored;
  if (options.source == nullptr || codec.encoding() == Encoding::kFloat32) {
    for (std::size_t i = 0; i < std::min(candidates.size(), options.k); ++i) {
      rescored.neighbors.push_back(rough(candidates[i]));
    }
    return rescored;
  }
  const float least = LeastScore(query, options);
  ExactBest best(options.k);
  std::vector<float> stored(codec.dimension());
  std::unordered_map<std::uint32_t, double> known;  // by fingerprint
  const bool many = candidates.size() > 2 * options.k + 16;
  std::size_t reads = 0;
  for (const RoughNeighbor& candidate : candidates) {
    if (candidate.range.high < least || !best.MayTake(candidate.range.high)) {
      continue;
    }
    if (many && candidate.fingerprint != 0) {
      if (const auto same = known.find(candidate.fingerprint); same != known.end()) {
        best.Offer(candidate.id, same->second);
        continue;
      }
    }
    if (++reads % kReadsBetweenClocks == 0 && options.IsLate()) {
      return rescored;
    }
    if (!options.source->Load(candidate.id, stored)) {
      ++rescored.dropped;
      continue;
    }
    ++stats->rescored;
    const double score = query.InFrame(codec.ExactScore(vector, stored));
    best.Offer(candidate.id, score);
    if (many && candidate.fingerprint != 0) {
      known.emplace(candidate.fingerprint, score);
    }
  }
  if (best.empty() && !candidates.empty() && candidates.front().range.high < least) {
    rescored.neighbors.push_back(rough(candidates.front()));  // certainly too far: no read
    return rescored;
  }
  rescored.neighbors = best.Take(query);
  return rescored;
}

}  // namespace nearhit
