#include "index/hnsw_search.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace nearhit {

namespace {

// Which nodes a walk has seen. Not cleared between walks: a node was seen when its tag is this
// walk's number. One a thread, shared by all graphs.
class Visited {
 public:
  void Begin(std::size_t nodes) {
    if (tags_.size() < nodes) {
      tags_.resize(nodes, 0);
    }
    if (++walk_ == 0) {  // every 2^32 walks
      std::fill(tags_.begin(), tags_.end(), 0);
      walk_ = 1;
    }
  }
  bool Insert(NodeId node) {
    const bool fresh = tags_[node] != walk_;
    tags_[node] = walk_;
    return fresh;
  }

 private:
  std::vector<std::uint32_t> tags_;
  std::uint32_t walk_ = 0;
};

thread_local Visited visited;

// The best candidates of a walk in one sorted array; each remembers whether it was expanded.
class Pool {
 public:
  explicit Pool(std::size_t capacity) : capacity_(capacity) { items_.reserve(capacity + 1); }

  bool Accepts(float score) const {
    return items_.size() < capacity_ || score > items_.back().candidate.score;
  }

  void Insert(GraphCandidate candidate) {
    if (!Accepts(candidate.score)) {
      return;
    }
    const auto place = std::upper_bound(
        items_.begin(), items_.end(), candidate.score,
        [](float score, const Item& item) { return score > item.candidate.score; });
    const auto index = static_cast<std::size_t>(place - items_.begin());
    items_.insert(place, {candidate, false});
    if (items_.size() > capacity_) {
      items_.pop_back();
    }
    next_ = std::min(next_, index);
  }

  // The best candidate that was not expanded; kNoNode when all were.
  NodeId TakeNext() {
    while (next_ < items_.size() && items_[next_].expanded) {
      ++next_;
    }
    if (next_ == items_.size()) {
      return kNoNode;
    }
    items_[next_].expanded = true;
    return items_[next_].candidate.node;
  }

  std::vector<GraphCandidate> Candidates() const {
    std::vector<GraphCandidate> candidates;
    candidates.reserve(items_.size());
    for (const Item& item : items_) {
      candidates.push_back(item.candidate);
    }
    return candidates;
  }

 private:
  struct Item {
    GraphCandidate candidate;
    bool expanded = false;
  };
  const std::size_t capacity_;
  std::size_t next_ = 0;
  std::vector<Item> items_;  // best first
};

inline void PrefetchRecord(const GraphStore& graph, NodeId node) {
  const auto* bytes = reinterpret_cast<const char*>(graph.Record(node));
  const std::size_t lines = std::min<std::size_t>(graph.codec().record_bytes(), 512);
  for (std::size_t offset = 0; offset < lines; offset += 64) {
    __builtin_prefetch(bytes + offset);
  }
}

}  // namespace

GraphCandidate Descend(const GraphStore& graph, EntryPoint entry, const EncodedQuery& query,
                       int level, SearchStats* stats) {
  GraphCandidate best{.score = graph.codec().Score(query, graph.Record(entry.node)),
                      .node = entry.node};
  ++stats->distances;
  for (int at = entry.level; at > level; --at) {
    bool moved = true;
    while (moved) {
      moved = false;
      const auto links = graph.Links(best.node, at);
      for (const NodeId node : links) {
        PrefetchRecord(graph, node);
      }
      for (const NodeId node : links) {
        const float score = graph.codec().Score(query, graph.Record(node));
        ++stats->distances;
        if (score > best.score) {
          best = {.score = score, .node = node};
          moved = true;
        }
      }
    }
  }
  return best;
}

std::vector<GraphCandidate> SearchLevel(const GraphStore& graph, const EncodedQuery& query,
                                        GraphCandidate start, int level, std::size_t ef,
                                        const IdFilter* filter, SearchStats* stats) {
  visited.Begin(graph.capacity());  // not slots(): the writer takes slots beside searches
  visited.Insert(start.node);
  Pool pool(ef);
  Pool accepted(filter == nullptr ? 0 : ef);
  const auto offer = [&](GraphCandidate candidate) {
    pool.Insert(candidate);
    if (filter != nullptr && accepted.Accepts(candidate.score) &&
        filter->Accepts(graph.Label(candidate.node))) {
      accepted.Insert(candidate);
    }
  };
  offer(start);
  std::array<NodeId, GraphStore::kMaxLinks0> fresh{};
  for (NodeId node = pool.TakeNext(); node != kNoNode; node = pool.TakeNext()) {
    // First which, then fetch, then score: the misses of all neighbours overlap.
    std::size_t count = 0;
    for (const NodeId neighbor : graph.Links(node, level)) {
      if (visited.Insert(neighbor)) {
        PrefetchRecord(graph, neighbor);
        fresh[count++] = neighbor;
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      const float score = graph.codec().Score(query, graph.Record(fresh[i]));
      if (pool.Accepts(score) || (filter != nullptr && accepted.Accepts(score))) {
        offer({.score = score, .node = fresh[i]});
      }
    }
    stats->distances += count;
  }
  return filter == nullptr ? pool.Candidates() : accepted.Candidates();
}

}  // namespace nearhit
