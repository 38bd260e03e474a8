// Walks over an HNSW graph (Malkov and Yashunin, "Efficient and robust approximate nearest neighbor
// search using HNSW graphs", 2016, algorithms 2 and 5), for readers and for the writer alike.
//
// Readers are in a ReadSection (base/epoch.h) from before they load the entry point until they are
// done with the nodes that they got. A walk beside a change may see some of it: it meets every link
// that stays, and in what was just taken out it finds the way on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "index/codec.h"
#include "index/graph_store.h"
#include "index/vector_index.h"

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

// How far a walk goes: until the `ef` best nodes seen have been expanded. Once the best of them has
// come to `near`, where matches that there are hardly get lost any more, until the `near_ef` best
// have been; once it has come to `enough`, which is a match, the walk only makes sure that none is
// better: until the `settled` best have been.
struct Breadth {
  std::size_t Limit(float best) const {
    return best >= enough ? settled : best >= near ? near_ef : ef;
  }

  std::size_t ef = 1;
  float near = std::numeric_limits<float>::infinity();
  std::size_t near_ef = 1;
  float enough = std::numeric_limits<float>::infinity();
  std::size_t settled = 1;
  std::size_t starts = 1;  // the `width` of the descent before
  float again = 0;         // the share of walks that are walked again; see HnswIndex::Candidates
  bool rough = true;       // by RoughScore; else by Score, which tells entries that are alike apart
  NodeId without = kNoNode;  // the walk does not come to it; requires: no start is it
};

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

// How far a walk with a filter goes: until it has breadth.ef nodes that pass and what is left is
// worse than all of them.
struct FilteredWalk {
  const NodeFilter* filter = nullptr;
  std::size_t pool = 0;                    // nodes that it remembers, >= breadth.ef
  std::uint64_t max_distances = 0;         // it gives up after so many
  const SearchOptions* options = nullptr;  // and when it is late
  bool gave_up = false;                    // set by the walk
};

// The breadth.ef best nodes that the walk from `starts` (at least one) finds on `level`, best
// first. With a filter, which may be null, nodes that it refuses are walked through and not
// returned.
std::vector<GraphCandidate> SearchLevel(const GraphStore& graph, const EncodedQuery& query,
                                        std::span<const GraphCandidate> starts, int level,
                                        const Breadth& breadth, FilteredWalk* filtered,
                                        SearchStats* stats);

}  // namespace nearhit
