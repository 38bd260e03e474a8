// How many nodes of a graph have each level as their top one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace nearhit {

// Thread-safety: externally synchronized.
class LevelCounts {
 public:
  void Add(int level) {
    counts_.resize(std::max(counts_.size(), static_cast<std::size_t>(level) + 1));
    ++counts_[static_cast<std::size_t>(level)];
  }
  // Requires: there is one.
  void Remove(int level) {
    --counts_[static_cast<std::size_t>(level)];
    while (!counts_.empty() && counts_.back() == 0) {
      counts_.pop_back();
    }
  }
  void Clear() { counts_.clear(); }

  // -1: no nodes.
  int highest() const { return static_cast<int>(counts_.size()) - 1; }
  std::size_t nodes() const {
    return std::accumulate(counts_.begin(), counts_.end(), std::size_t{0});
  }

 private:
  std::vector<std::size_t> counts_;  // the last is not 0
};

}  // namespace nearhit
