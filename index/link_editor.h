// Changes to the links of an HNSW graph, worked out beside searches and published list by list.
//
// Knows the reverse of every link, so that a node can be taken out exactly, and never lets a change
// leave a node that nothing links to: what is stored can be found. Except under an inner product a
// node that a longer one is nearer to than it is to itself: the few long ones are near to all, and
// links that they kept for that would leave none that lead on. Five links of six go both ways
// and are their own reverse; only those that go one way are kept besides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "index/graph_store.h"
#include "index/hnsw_search.h"
#include "index/one_way_links.h"
#include "nearhit/result.h"

namespace nearhit {

// Thread-safety: owned by the writer of the graph. Changes what searches see only in Publish, and
// those may run beside it.
class LinkEditor {
 public:
  explicit LinkEditor(GraphStore* graph) : graph_(graph) {}
  ~LinkEditor() = default;
  LinkEditor(const LinkEditor&) = delete;
  LinkEditor& operator=(const LinkEditor&) = delete;

  // Links `node`, whose record is in place, to the best of `candidates` (best first), and them to
  // it.
  void Connect(NodeId node, int level, const std::vector<GraphCandidate>& candidates);
  // Takes `node` out of `level` and mends its neighbourhood: each node that linked to it gets up to
  // three of its links instead (Xu et al., "In-Place Updates of a Graph Index for Streaming ANN
  // Search", 2025). Its own list stays, for walks that are at it.
  void Disconnect(NodeId node, int level);

  // Writes the changed lists into the graph.
  void Publish() {
    while (PublishNext()) {
    }
  }
  // Writes one of them, in an order that leaves a way to every node for searches that see only some
  // of them: the lists of a node that was added first, then those that only gain links, and those
  // that lose the one to a node that was taken out last. Returns false when there was none.
  bool PublishNext();

  // The graph was loaded: its reverse links are not known.
  void ForgetReverse() { reverse_known_ = false; }
  // Finds them out, beside searches; to be called before any change. Half a second for a million
  // nodes.
  void EnsureReverse();

  std::size_t InDegree(NodeId node, int level) const;
  // Nothing links to a free slot or to itself or twice, and bounds hold.
  Status CheckLinks() const;
  // CheckLinks(), and the reverse links are exact.
  Status CheckInvariants() const;
  std::size_t memory_bytes() const { return one_way_.memory_bytes(); }

 private:
  static std::uint64_t Key(NodeId node, int level) {
    return std::uint64_t{node} << 8U | static_cast<std::uint64_t>(level);
  }
  // Links as they will be after Publish.
  std::vector<NodeId> Links(NodeId node, int level) const;
  void SetLinks(NodeId node, int level, std::vector<NodeId> links);
  bool HasLink(NodeId from, NodeId to, int level) const;
  // The nodes that link to `node`.
  std::vector<NodeId> Sources(NodeId node, int level) const;
  std::vector<GraphCandidate> Scored(NodeId node, const std::vector<NodeId>& others) const;
  // The heuristic of the HNSW paper (algorithm 4): a candidate stays when it is nearer to `node`
  // than to every one that stayed before it. Targets that only `node` links to stay when they find
  // themselves.
  std::vector<NodeId> Select(NodeId node, int level, const std::vector<GraphCandidate>& candidates,
                             std::size_t limit) const;
  // Whether `candidate` is not nearer to any of `others` than to what it was scored against.
  bool IsDiverse(const GraphCandidate& candidate, const std::vector<EncodedQuery>& others) const;
  // Adds to the links of `source` up to three of `targets`, nearest first, that are nearer to it
  // than to any link it has: ones that lead elsewhere. The nearest when there is none. Taking just
  // the nearest three cost a point of recall@10 in one turnover.
  void AddReplacements(NodeId source, int level, const std::vector<NodeId>& targets,
                       std::vector<NodeId>* links) const;
  void AddLink(NodeId from, NodeId to, int level);
  // When a changed list is published, the greatest first; see PublishNext.
  int PublishPriority(std::uint64_t key) const;
  // Makes one of `near` (best first) link to `node` when nobody does.
  void EnsureInboundLink(NodeId node, int level, const std::vector<GraphCandidate>& near);
  bool TryInboundLink(NodeId parent, NodeId node, int level);
  bool TryReplace(NodeId parent, NodeId node, int level);
  // Whether a node that `node` has this score with is not nearer to it than it is to itself. Under
  // an inner product a longer one may be, and whoever asks for the one finds the other.
  bool FindsItself(NodeId node, float score) const;

  GraphStore* const graph_;
  bool reverse_known_ = true;
  OneWayLinks one_way_;
  struct Edit {
    std::vector<NodeId> links;
    bool loses = false;  // some link that was there before
  };
  std::unordered_map<std::uint64_t, Edit> edits_;  // changed lists by Key
  std::vector<std::uint64_t> order_;  // their keys once one of them is published, the next one last
  NodeId added_ = kNoNode;            // the node whose own lists are among them
  NodeId removed_ = kNoNode;          // the node that some of them no longer link to
};

}  // namespace nearhit
