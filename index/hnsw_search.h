// Walks over an HNSW graph (Malkov and Yashunin, "Efficient and robust approximate nearest neighbor
// search using HNSW graphs", 2016, algorithms 2 and 5), for readers and for the writer alike.
//
// Readers are in a ReadSection (base/epoch.h) from before they load the entry point until they are
// done with the nodes that they got. A walk beside a change may see some of it: it meets every link
// that stays, and in what was just taken out it finds the way on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "index/codec.h"
#include "index/graph_store.h"
#include "index/vector_index.h"
#include "index/walk_plan.h"

namespace nearhit {

struct GraphCandidate {
  float score = 0;
  NodeId node = kNoNode;
};

// Where every search begins. Aligned as a word of its size: clang calls a library for atomics that
// are not.
struct alignas(std::uint64_t) EntryPoint {
  NodeId node = kNoNode;
  int level = -1;
};

// Goes down from the entry point to `level`, one nearest node at a time, and through the last two
// levels above it with the `width` nearest. Returns those, best first by RoughScore; the entry
// itself where it is not above `level`.
std::vector<GraphCandidate> Descend(const GraphStore& graph, EntryPoint entry,
                                    const EncodedQuery& query, int level, std::size_t width,
                                    SearchStats* stats);

// Which nodes a walk may return.
class NodeFilter {
 public:
  virtual ~NodeFilter() = default;
  NodeFilter(const NodeFilter&) = delete;
  NodeFilter& operator=(const NodeFilter&) = delete;
  virtual bool Accepts(NodeId node) const = 0;

 protected:
  NodeFilter() = default;
};

// How far a walk with a filter goes: until it has plan.ef nodes that pass and what is left is
// worse than all of them.
struct FilteredWalk {
  const NodeFilter* filter = nullptr;
  std::size_t pool = 0;                    // nodes that it remembers, >= plan.ef
  std::uint64_t max_distances = 0;         // it gives up after so many
  const SearchOptions* options = nullptr;  // and when it is late
  bool gave_up = false;                    // set by the walk
};

// The plan.ef best nodes that the walk from `starts` (at least one) finds on `level`, best
// first. With a filter, which may be null, nodes that it refuses are walked through and not
// returned.
std::vector<GraphCandidate> SearchLevel(const GraphStore& graph, const EncodedQuery& query,
                                        std::span<const GraphCandidate> starts, int level,
                                        const WalkPlan& plan, FilteredWalk* filtered,
                                        SearchStats* stats);

}  // namespace nearhit
