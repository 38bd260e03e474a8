// nearhit-bench mixed: what writers do to lookups, and what turnover does to an index.
#pragma once

#include <cstddef>

#include "bench/workload/dataset.h"
#include "nearhit/status.h"

namespace nearhit::bench {

struct MixedFlags {
  DatasetFlags dataset;
  bool on_disk = false;
  float threshold = 0.8F;
  double seconds = 5;         // of each phase
  std::size_t turnovers = 0;  // > 0: measure turnovers instead of phases
  std::size_t budget = 50'000;
};

// Lookup latency alone, beside inserts, beside deletes, through the cache.
Status RunPhases(const MixedFlags& flags);

// Fills a budget and replaces it, through the vector store.
Status RunTurnovers(const MixedFlags& flags);

}  // namespace nearhit::bench
