// The best k of a stream of scored entries.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "index/vector_index.h"

namespace nearhit {

// Thread-safety: owned by one thread.
class TopK {
 public:
  explicit TopK(std::size_t k) : k_(k) { heap_.reserve(std::min<std::size_t>(k, 1'024) + 1); }

  // Cheap for entries that do not belong to the best k so far.
  void Offer(const Neighbor& neighbor) {
    if (heap_.size() == k_) {
      if (!(neighbor < heap_.front())) {
        return;
      }
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.pop_back();
    }
    heap_.push_back(neighbor);
    std::push_heap(heap_.begin(), heap_.end());  // the worst on top: operator< puts the best first
  }

  std::size_t capacity() const { return k_; }
  bool empty() const { return heap_.empty(); }
  bool full() const { return heap_.size() == k_; }
  // Requires: full().
  float worst() const { return heap_.front().score; }

  // Best first; the object is empty afterwards.
  std::vector<Neighbor> Take() {
    std::sort_heap(heap_.begin(), heap_.end());
    return std::move(heap_);
  }

 private:
  std::size_t k_;
  std::vector<Neighbor> heap_;
};

}  // namespace nearhit
