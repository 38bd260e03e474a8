// Measures whether walks find what a graph has, by looking for its own entries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>

#include "index/graph_walker.h"
#include "index/walk_plan.h"

namespace nearhit {

// A probe looks for a near-duplicate of an entry, as a cache would; the tuner is told whether it
// was found. A sample looks for the nearest neighbours of an entry and compares them with a
// comparison of everything.
//
// Thread-safety: externally synchronized, by the lock of the graph's writers.
class GraphProber {
 public:
  struct Sample {
    std::size_t searched = 0;
    std::size_t found = 0;    // of the nearest, of all
    std::size_t cut_off = 0;  // whose walk ended among entries as good as the last
  };

  // An entry was added, and there are so many: every eighth time a probe. Eight cost a probe, which
  // is an eightieth of their time where walks are not wider.
  void OnAdd(const GraphWalker& walker, std::size_t entries);

  // Probes for a millisecond, once somebody has searched. Returns whether to call again: since the
  // graph last grew, or since what is asked for has changed, too few probes tell how wide walks
  // have to be.
  bool ProbeSome(const GraphWalker& walker, std::size_t entries);

  // One walk by `plan`, whose scores are in no frame, for `nearest` neighbours of an entry; nothing
  // when it hits none that will do.
  Sample Measure(const GraphWalker& walker, WalkPlan plan, std::size_t nearest);

 private:
  void Probe(const GraphWalker& walker, std::size_t entries);
  EncodedQuery SampleQuery(const GraphStore& graph, NodeId node);

  std::minstd_rand random_;
  std::uint64_t added_ = 0;
  // Probes of ProbeSome since the last OnAdd, and what they were for: the threshold and the width
  // of walks, and under what walks ended that were repeated.
  std::uint64_t probed_ = 0;
  std::pair<float, float> probed_for_;
  float low_end_ = 0;
};

}  // namespace nearhit
