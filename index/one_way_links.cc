#include "index/one_way_links.h"

#include <algorithm>

namespace nearhit {

std::span<const NodeId> OneWayLinks::Sources(NodeId node, int level) const {
  if (level == 0) {
    return level0_.Get(node);
  }
  const auto found = upper_.find(Key(node, level));
  return found == upper_.end() ? std::span<const NodeId>() : found->second;
}

void OneWayLinks::Add(NodeId from, NodeId to, int level) {
  if (level == 0) {
    level0_.Add(to, from);
  } else {
    upper_[Key(to, level)].push_back(from);
  }
}

void OneWayLinks::Remove(NodeId from, NodeId to, int level) {
  if (level == 0) {
    level0_.Remove(to, from);
    return;
  }
  const auto found = upper_.find(Key(to, level));
  found->second.erase(std::find(found->second.begin(), found->second.end(), from));
  if (found->second.empty()) {
    upper_.erase(found);
  }
}

void OneWayLinks::BuildLevel0(GraphStore* graph) {
  static_assert(GraphStore::kMaxLinks0 <= 32);
  const auto slots = static_cast<NodeId>(graph->slots());
  std::vector<std::uint32_t> degrees(slots);
  std::vector<std::uint32_t> both_ways(slots);  // bit i: so is the i-th link of the node
  for (NodeId node = 0; node < slots; ++node) {
    // Lists of a large graph come from memory: those of the next node are on their way meanwhile.
    if (node + 1 < slots) {
      for (const NodeId target : graph->Links(node + 1, 0)) {
        if (target > node + 1) {
          graph->PrefetchLinks(target, 0);
        }
      }
    }
    const std::span<const NodeId> links = graph->Links(node, 0);
    for (std::size_t i = 0; i < links.size(); ++i) {
      ++degrees[links[i]];
      if (links[i] < node) {
        continue;  // when it goes both ways, it was met from the other end
      }
      const std::span<const NodeId> back = graph->Links(links[i], 0);
      const auto found = std::find(back.begin(), back.end(), node);
      if (found != back.end()) {
        both_ways[node] |= 1U << i;
        both_ways[links[i]] |= 1U << static_cast<std::size_t>(found - back.begin());
      }
    }
  }
  std::vector<SmallLists::Item> one_way;
  for (NodeId node = 0; node < slots; ++node) {
    graph->SetInDegree(node, degrees[node]);
    const std::span<const NodeId> links = graph->Links(node, 0);
    for (std::size_t i = 0; i < links.size(); ++i) {
      if ((both_ways[node] >> i & 1U) == 0) {
        one_way.push_back({.list = links[i], .value = node});
      }
    }
  }
  level0_.Build(slots, one_way);
}

void OneWayLinks::Build(GraphStore* graph) {
  BuildLevel0(graph);
  upper_.clear();
  for (NodeId node = 0; node < graph->slots(); ++node) {
    for (int level = 1; level <= graph->LevelOf(node); ++level) {
      for (const NodeId target : graph->Links(node, level)) {
        const std::span<const NodeId> back = graph->Links(target, level);
        if (std::find(back.begin(), back.end(), node) == back.end()) {
          Add(node, target, level);
        }
      }
    }
  }
}

std::size_t OneWayLinks::memory_bytes() const {
  std::size_t bytes = level0_.memory_bytes();
  for (const auto& [key, sources] : upper_) {
    bytes += sizeof(decltype(upper_)::value_type) + 32 + sources.capacity() * sizeof(NodeId);
  }
  return bytes;
}

}  // namespace nearhit
