// The links of a graph that go one way: a node can find those who link to it among its own links,
// but for these. One link of six.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "index/graph_store.h"
#include "index/small_lists.h"

namespace nearhit {

// Thread-safety: externally synchronized.
class OneWayLinks {
 public:
  // Those who link to `node`, which does not link to them.
  std::span<const NodeId> Sources(NodeId node, int level) const;
  void Add(NodeId from, NodeId to, int level);
  // Requires: it is there.
  void Remove(NodeId from, NodeId to, int level);

  // Finds those of a whole graph, and the in-degree of its nodes, which it sets.
  void Build(GraphStore* graph);

  std::size_t memory_bytes() const;

 private:
  static std::uint64_t Key(NodeId node, int level) {
    return std::uint64_t{node} << 8U | static_cast<std::uint64_t>(level);
  }
  void BuildLevel0(GraphStore* graph);

  SmallLists level0_;                                             // by node
  std::unordered_map<std::uint64_t, std::vector<NodeId>> upper_;  // by Key
};

}  // namespace nearhit
