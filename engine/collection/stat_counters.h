// What a namespace counts since it was opened, by the field of NamespaceStats that shows it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "nearhit/guard.h"
#include "nearhit/stats.h"

namespace nearhit {

// Thread-safety: thread-safe.
class StatCounters {
 public:
  template <std::uint64_t NamespaceStats::*Field>
  void Add(std::uint64_t count = 1) {
    constexpr std::size_t kIndex = IndexOf(Field);
    values_[kIndex].fetch_add(count, std::memory_order_relaxed);
  }

  void AddRefusal(Guard guard) {
    refusals_[static_cast<std::size_t>(guard)].fetch_add(1, std::memory_order_relaxed);
  }

  void AddTo(NamespaceStats* stats) const {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      stats->*kNamespaceMetrics[i].value += values_[i].load(std::memory_order_relaxed);
    }
    for (std::size_t i = 0; i < refusals_.size(); ++i) {
      stats->guard_refusals[i] += refusals_[i].load(std::memory_order_relaxed);
    }
  }

 private:
  static constexpr std::size_t IndexOf(std::uint64_t NamespaceStats::*field) {
    std::size_t index = 0;
    while (kNamespaceMetrics[index].value != field) {
      ++index;  // past the end does not compile
    }
    return index;
  }

  std::array<std::atomic<std::uint64_t>, std::size(kNamespaceMetrics)> values_{};
  std::array<std::atomic<std::uint64_t>, kGuardNames.size()> refusals_{};
};

}  // namespace nearhit
