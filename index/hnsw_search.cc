#include "index/hnsw_search.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include "base/prefetch.h"

namespace nearhit {

namespace {

// Which nodes a walk has seen. Not cleared between walks: a node was seen when its tag is this
// walk's number. A byte a node, so that the tags of 100,000 nodes stay in the second cache level.
// One a thread, shared by all graphs.
class Visited {
 public:
  void Begin(std::size_t nodes) {
    if (tags_.size() < nodes) {
      tags_.resize(nodes, 0);
    }
    if (++walk_ == 0) {  // every 255 walks
      std::fill(tags_.begin(), tags_.end(), 0);
      walk_ = 1;
    }
  }
  void Insert(NodeId node) { tags_[node] = walk_; }

  // Copies those of `nodes` that were not seen to `fresh` and returns how many; they are seen now.
  // Without a branch on the tags: they are not in the first cache level and no branch guesses them.
  // Requires: room for all of them.
  std::size_t TakeFresh(const LiveLinks& nodes, NodeId* fresh) {
    std::uint8_t* const tags = tags_.data();  // a copy that writing a tag cannot change
    const std::uint8_t walk = walk_;
    std::size_t count = 0;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const NodeId node = nodes[i];
      fresh[count] = node;
      count += static_cast<std::size_t>(tags[node] != walk);
      tags[node] = walk;
    }
    return count;
  }

 private:
  std::vector<std::uint8_t> tags_;
  std::uint8_t walk_ = 0;
};

thread_local Visited visited_nodes;

// The best candidates of a walk in one sorted array; each remembers whether it was expanded.
class Pool {
 public:
  explicit Pool(std::size_t capacity) : capacity_(capacity) { items_.reserve(capacity); }

  bool Accepts(float score) const { return !(score <= worst_); }

  // Returns whether the candidate is the one that is expanded next.
  bool Insert(GraphCandidate candidate) {
    if (!Accepts(candidate.score)) {
      return false;
    }
    const std::size_t index = PlaceFor(candidate.score);
    if (items_.size() < capacity_) {
      items_.emplace_back();
    }
    const auto place = items_.begin() + static_cast<std::ptrdiff_t>(index);
    std::move_backward(place, items_.end() - 1, items_.end());  // a full pool loses its last
    *place = candidate;
    if (items_.size() == capacity_) {
      worst_ = items_.back().score;
    }
    const bool first = index <= next_;
    next_ = std::min(next_, index);
    return first;
  }

  // The best candidate that was not expanded; kNoNode when all, or the first `limit`, were.
  NodeId Next(std::size_t limit) {
    while (next_ < items_.size() && (items_[next_].node & kExpanded) != 0) {
      ++next_;
    }
    return next_ < std::min(limit, items_.size()) ? items_[next_].node : kNoNode;
  }
  // It is expanded now. Requires: Next() gave one, and nothing was inserted since.
  void Take() { items_[next_].node |= kExpanded; }

  float best_score() const { return items_.front().score; }
  // Of what Next() gave. Requires: it gave one.
  float next_score() const { return items_[next_].score; }

  std::vector<GraphCandidate> Candidates() const {
    std::vector<GraphCandidate> candidates = items_;
    for (GraphCandidate& candidate : candidates) {
      candidate.node &= ~kExpanded;
    }
    return candidates;
  }

 private:
  static constexpr NodeId kExpanded = GraphStore::kMaxNodes;  // above every node's number

  // Behind all that are as good. Without a branch on the scores, half of which the processor would
  // guess wrong: halves until few are left, then counts, which the compiler does by vectors.
  std::size_t PlaceFor(float score) const {
    constexpr std::size_t kFewLeft = 32;
    const GraphCandidate* base = items_.data();
    std::size_t left = items_.size();
    while (left > kFewLeft) {
      const std::size_t half = left / 2;
      base += half * static_cast<std::size_t>(base[half - 1].score >= score);
      left -= half;
    }
    std::uint32_t behind = 0;
    for (std::size_t i = 0; i < left; ++i) {
      behind += static_cast<std::uint32_t>(base[i].score >= score);
    }
    return static_cast<std::size_t>(base - items_.data()) + behind;
  }

  const std::size_t capacity_;
  float worst_ = std::numeric_limits<float>::quiet_NaN();  // of a full pool; nothing is under NaN
  std::size_t next_ = 0;
  std::vector<GraphCandidate> items_;  // best first
};

// How many records a walk has on their way from memory, up to 24: together some 160 cache lines.
// More than the processor fetches at once, but what a walk sees next is not known yet.
std::size_t RecordsAhead(std::size_t bytes) {
  return std::clamp<std::size_t>(160 / (bytes / kCacheLine + 1), 12, 24);
}

// Nodes that a walk has seen and not scored yet, in order. The records of the first ones are on
// their way from memory: a walk expands nodes until so many are, without waiting for what the last
// ones turn out to be. It looks at a tenth more nodes for that, and waits for memory half as long:
// a node would wait for its links, and then for the first of its neighbours, one after the other.
class Coming {
 public:
  static constexpr std::size_t kTogether = 12;

  explicit Coming(const GraphStore& graph)
      : graph_(graph), bytes_(graph.codec().rough_bytes()), ahead_(RecordsAhead(bytes_)) {}

  bool empty() const { return first_ == end_; }
  bool wants_more() const { return end_ - first_ < ahead_; }

  // Where up to kMaxLinks0 more may be written; Append takes the first `count` of them. Requires:
  // wants_more().
  NodeId* Room() {
    if (nodes_.size() - end_ < GraphStore::kMaxLinks0) {
      std::copy(nodes_.begin() + static_cast<std::ptrdiff_t>(first_),
                nodes_.begin() + static_cast<std::ptrdiff_t>(end_), nodes_.begin());
      fetched_ -= first_;
      end_ -= std::exchange(first_, 0);
    }
    return nodes_.data() + end_;
  }
  void Append(std::size_t count) { end_ += count; }

  // Takes out the first ones, a few, to be scored together. Valid until the next Room().
  std::span<const NodeId> Take() {
    for (; fetched_ < std::min(end_, first_ + ahead_); ++fetched_) {
      Prefetch(graph_.Record(nodes_[fetched_]), bytes_);
    }
    const std::size_t count = std::min(kTogether, end_ - first_);
    return {nodes_.data() + std::exchange(first_, first_ + count), count};
  }

 private:
  const GraphStore& graph_;
  const std::size_t bytes_;
  const std::size_t ahead_;
  std::array<NodeId, 128> nodes_{};
  std::size_t first_ = 0;
  std::size_t fetched_ = 0;  // those before are on their way
  std::size_t end_ = 0;
};

// How many levels a wide descent is wide on. Those above have few nodes: a third made no difference
// at a million.
constexpr int kWideLevels = 2;

// Calls use(node, rough score) for each of `nodes`, in order, at most kMaxLinks0. All are scored
// first: a processor that guesses wrong what becomes of a score would wait for memory to find out.
template <typename Use>
void ScoreAll(const GraphStore& graph, const EncodedQuery& query, std::span<const NodeId> nodes,
              bool rough, const Use& use) {
  std::array<float, GraphStore::kMaxLinks0> scores{};
  if (rough) {
    graph.codec().RoughScores(query, graph.Records(nodes), scores.data());
  } else {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      scores[i] = graph.codec().Score(query, graph.Record(nodes[i]));
    }
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    use(nodes[i], scores[i]);
  }
}

// Replaces the rough scores of a walk by those of the whole codes; best first again.
void ScoreInFull(const GraphStore& graph, const EncodedQuery& query,
                 std::vector<GraphCandidate>* candidates) {
  const Codec& codec = graph.codec();
  if (codec.rough_bytes() == codec.record_bytes()) {
    return;
  }
  const std::size_t low_bytes = codec.record_bytes() - codec.rough_bytes();
  const auto fetch = [&](std::size_t i) {
    if (i < candidates->size()) {
      Prefetch(graph.Record((*candidates)[i].node) + codec.rough_bytes(), low_bytes);
    }
  };
  const std::size_t ahead = RecordsAhead(low_bytes);
  for (std::size_t i = 0; i < ahead; ++i) {
    fetch(i);
  }
  for (std::size_t i = 0; i < candidates->size(); ++i) {
    fetch(i + ahead);
    GraphCandidate& candidate = (*candidates)[i];
    candidate.score = codec.Score(query, graph.Record(candidate.node));
  }
  std::sort(candidates->begin(), candidates->end(),
            [](const GraphCandidate& a, const GraphCandidate& b) { return a.score > b.score; });
}

// One nearest node after the other, from `best` on.
GraphCandidate Greedy(const GraphStore& graph, const EncodedQuery& query, GraphCandidate best,
                      int level, SearchStats* stats) {
  std::array<NodeId, GraphStore::kMaxLinks0> links{};
  bool moved = true;
  while (moved) {
    moved = false;
    const LiveLinks live = graph.LiveLinksOf(best.node, level);
    for (std::size_t i = 0; i < live.size(); ++i) {
      links[i] = live[i];
    }
    const auto neighbors = std::span(links).first(live.size());
    for (const NodeId neighbor : neighbors) {
      Prefetch(graph.Record(neighbor), graph.codec().rough_bytes());
    }
    ScoreAll(graph, query, neighbors, /*rough=*/true, [&best, &moved](NodeId node, float score) {
      if (score > best.score) {
        best = {.score = score, .node = node};
        moved = true;
      }
    });
    stats->distances += neighbors.size();
  }
  return best;
}

bool GivesUp(const FilteredWalk& walk, std::uint64_t distances) {
  constexpr std::uint64_t kBetweenClocks = 4096;
  return distances > walk.max_distances ||
         (distances % kBetweenClocks < Coming::kTogether && walk.options->IsLate());
}

// SearchLevel by rough scores.
std::vector<GraphCandidate> Walk(const GraphStore& graph, const EncodedQuery& query,
                                 std::span<const GraphCandidate> starts, int level,
                                 const WalkPlan& plan, FilteredWalk* filtered, SearchStats* stats) {
  Visited& visited = visited_nodes;
  visited.Begin(graph.capacity());
  Pool pool(filtered == nullptr ? plan.ef : filtered->pool);
  Pool accepted(filtered == nullptr ? 0 : plan.ef);
  const std::uint64_t begun = stats->distances;
  const auto offer = [&](NodeId node, float score) {
    if (pool.Insert({.score = score, .node = node})) {
      graph.PrefetchLinks(node, level);
    }
    if (filtered != nullptr && accepted.Accepts(score) && filtered->filter->Accepts(node)) {
      accepted.Insert({.score = score, .node = node});
    }
  };
  if (plan.without != kNoNode) {
    visited.Insert(plan.without);
  }
  for (const GraphCandidate& start : starts) {
    visited.Insert(start.node);
    offer(start.node, plan.rough ? graph.codec().RoughScore(query, graph.Record(start.node))
                                 : graph.codec().Score(query, graph.Record(start.node)));
  }
  const auto next_of = [&] {
    if (filtered == nullptr) {
      return pool.Next(plan.Limit(pool.best_score()));
    }
    const NodeId next = pool.Next(filtered->pool);
    return next == kNoNode || accepted.Accepts(pool.next_score()) ? next : kNoNode;
  };
  Coming coming(graph);
  for (;;) {
    while (coming.wants_more()) {
      const NodeId node = next_of();
      if (node == kNoNode) {
        break;
      }
      pool.Take();
      // The links of what comes next, unless a better one is found now, arrive meanwhile.
      if (const NodeId next = pool.Next(plan.ef); next != kNoNode) {
        graph.PrefetchLinks(next, level);
      }
      coming.Append(visited.TakeFresh(graph.LiveLinksOf(node, level), coming.Room()));
    }
    if (coming.empty()) {
      break;
    }
    const std::span<const NodeId> nodes = coming.Take();
    ScoreAll(graph, query, nodes, plan.rough, offer);
    stats->distances += nodes.size();
    if (filtered != nullptr && GivesUp(*filtered, stats->distances - begun)) {
      filtered->gave_up = true;
      break;
    }
  }
  return filtered == nullptr ? pool.Candidates() : accepted.Candidates();
}

}  // namespace

std::vector<GraphCandidate> Descend(const GraphStore& graph, EntryPoint entry,
                                    const EncodedQuery& query, int level, std::size_t width,
                                    SearchStats* stats) {
  std::vector<GraphCandidate> best = {
      {.score = graph.codec().RoughScore(query, graph.Record(entry.node)), .node = entry.node}};
  ++stats->distances;
  for (int at = entry.level; at > level; --at) {
    if (width > 1 && at <= level + kWideLevels) {
      best = Walk(graph, query, best, at, {.ef = width}, /*filtered=*/nullptr, stats);
    } else {
      best.front() = Greedy(graph, query, best.front(), at, stats);
    }
  }
  return best;
}

std::vector<GraphCandidate> SearchLevel(const GraphStore& graph, const EncodedQuery& query,
                                        std::span<const GraphCandidate> starts, int level,
                                        const WalkPlan& plan, FilteredWalk* filtered,
                                        SearchStats* stats) {
  std::vector<GraphCandidate> found = Walk(graph, query, starts, level, plan, filtered, stats);
  if (plan.rough) {
    ScoreInFull(graph, query, &found);
  }
  return found;
}

}  // namespace nearhit
