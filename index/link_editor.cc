#include "index/link_editor.h"

#include <algorithm>
#include <string>
#include <utility>

namespace nearhit {

namespace {
// Replacement links per node that loses one; the figure of the paper.
constexpr std::size_t kReplacements = 3;

bool Contains(const std::vector<NodeId>& nodes, NodeId node) {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

bool Better(const GraphCandidate& a, const GraphCandidate& b) {
  return a.score != b.score ? a.score > b.score : a.node < b.node;
}
}  // namespace

std::vector<NodeId> LinkEditor::Links(NodeId node, int level) const {
  const auto edited = edits_.find(Key(node, level));
  if (edited != edits_.end()) {
    return edited->second;
  }
  const std::span<const NodeId> links = graph_->Links(node, level);
  return {links.begin(), links.end()};
}

std::vector<NodeId>& LinkEditor::In(NodeId node, int level) {
  if (level > 0) {
    return in_upper_[Key(node, level)];
  }
  if (in0_.size() <= node) {
    in0_.resize(static_cast<std::size_t>(node) + 1);
  }
  return in0_[node];
}

std::size_t LinkEditor::InDegree(NodeId node, int level) const {
  if (level == 0) {
    return node < in0_.size() ? in0_[node].size() : 0;
  }
  const auto found = in_upper_.find(Key(node, level));
  return found == in_upper_.end() ? 0 : found->second.size();
}

void LinkEditor::SetLinks(NodeId node, int level, std::vector<NodeId> links) {
  for (const NodeId target : Links(node, level)) {
    if (!Contains(links, target)) {
      std::vector<NodeId>& in = In(target, level);
      in.erase(std::find(in.begin(), in.end(), node));
      if (in.capacity() > 2 * in.size() + 16) {
        in.shrink_to_fit();  // a hub that was one once must not keep its memory for good
      }
    }
  }
  const std::vector<NodeId> before = Links(node, level);
  for (const NodeId target : links) {
    if (!Contains(before, target)) {
      In(target, level).push_back(node);
    }
  }
  edits_[Key(node, level)] = std::move(links);
}

std::vector<GraphCandidate> LinkEditor::Scored(NodeId node,
                                               const std::vector<NodeId>& others) const {
  const EncodedQuery query = graph_->codec().QueryOf(graph_->Record(node));
  std::vector<GraphCandidate> scored;
  scored.reserve(others.size());
  for (const NodeId other : others) {
    scored.push_back({.score = graph_->codec().Score(query, graph_->Record(other)), .node = other});
  }
  std::sort(scored.begin(), scored.end(), Better);
  return scored;
}

std::vector<NodeId> LinkEditor::Select(NodeId node, int level,
                                       const std::vector<GraphCandidate>& candidates,
                                       std::size_t limit) const {
  std::vector<NodeId> kept;
  const std::vector<NodeId> current = Links(node, level);
  for (const GraphCandidate& candidate : candidates) {
    if (InDegree(candidate.node, level) == 1 && Contains(current, candidate.node)) {
      kept.push_back(candidate.node);
    }
  }
  for (const GraphCandidate& candidate : candidates) {
    if (kept.size() >= limit) {
      break;
    }
    if (candidate.node == node || Contains(kept, candidate.node)) {
      continue;
    }
    const EncodedQuery query = graph_->codec().QueryOf(graph_->Record(candidate.node));
    const bool diverse = std::all_of(kept.begin(), kept.end(), [&](NodeId other) {
      return graph_->codec().Score(query, graph_->Record(other)) < candidate.score;
    });
    if (diverse) {
      kept.push_back(candidate.node);
    }
  }
  if (kept.size() > limit) {
    kept.resize(limit);
  }
  return kept;
}

void LinkEditor::AddLink(NodeId from, NodeId to, int level) {
  std::vector<NodeId> links = Links(from, level);
  if (Contains(links, to)) {
    return;
  }
  links.push_back(to);
  if (links.size() > GraphStore::MaxLinks(level)) {
    links = Select(from, level, Scored(from, links), GraphStore::MaxLinks(level));
  }
  SetLinks(from, level, std::move(links));
}

void LinkEditor::Connect(NodeId node, int level, const std::vector<GraphCandidate>& candidates) {
  std::vector<NodeId> chosen = Select(node, level, candidates, GraphStore::kM);
  SetLinks(node, level, chosen);
  for (const NodeId neighbor : chosen) {
    AddLink(neighbor, node, level);
  }
  Adopt(node, level, chosen);
}

// Links `parent` to `node`, in place of a target that others link to as well when there is no room.
bool LinkEditor::TryAdopt(NodeId parent, NodeId node, int level) {
  std::vector<NodeId> links = Links(parent, level);
  if (links.size() < GraphStore::MaxLinks(level)) {
    links.push_back(node);
    SetLinks(parent, level, std::move(links));
    return true;
  }
  const std::vector<GraphCandidate> scored = Scored(parent, links);
  for (auto farthest = scored.rbegin(); farthest != scored.rend(); ++farthest) {
    if (InDegree(farthest->node, level) > 1) {
      *std::find(links.begin(), links.end(), farthest->node) = node;
      SetLinks(parent, level, std::move(links));
      return true;
    }
  }
  return false;
}

void LinkEditor::Adopt(NodeId node, int level, const std::vector<NodeId>& near) {
  if (InDegree(node, level) > 0 || near.empty()) {
    return;
  }
  for (const GraphCandidate& parent : Scored(node, near)) {
    if (TryAdopt(parent.node, node, level)) {
      return;
    }
  }
  // Every place near is taken by a target with no other link: become a step on the way to one of
  // them.
  const NodeId parent = Scored(node, near).front().node;
  std::vector<NodeId> links = Links(parent, level);
  const NodeId displaced = links.back();
  links.back() = node;
  SetLinks(parent, level, std::move(links));
  std::vector<NodeId> own = Links(node, level);
  if (!Contains(own, displaced)) {
    if (own.size() == GraphStore::MaxLinks(level)) {
      own.pop_back();
    }
    own.push_back(displaced);
    SetLinks(node, level, std::move(own));
  }
}

void LinkEditor::AddReplacements(NodeId source, int level, const std::vector<NodeId>& targets,
                                 std::vector<NodeId>* links) const {
  const std::size_t before = links->size();
  NodeId nearest = kNoNode;
  for (const GraphCandidate& candidate : Scored(source, targets)) {
    if (links->size() == std::min(before + kReplacements, GraphStore::MaxLinks(level))) {
      break;
    }
    if (candidate.node == source || Contains(*links, candidate.node)) {
      continue;
    }
    nearest = nearest == kNoNode ? candidate.node : nearest;
    const EncodedQuery query = graph_->codec().QueryOf(graph_->Record(candidate.node));
    if (std::all_of(links->begin(), links->end(), [&](NodeId other) {
          return graph_->codec().Score(query, graph_->Record(other)) < candidate.score;
        })) {
      links->push_back(candidate.node);
    }
  }
  if (links->size() == before && nearest != kNoNode && before < GraphStore::MaxLinks(level)) {
    links->push_back(nearest);
  }
}

void LinkEditor::Disconnect(NodeId node, int level) {
  const std::vector<NodeId> sources = In(node, level);
  const std::vector<NodeId> targets = Links(node, level);
  SetLinks(node, level, {});
  for (const NodeId source : sources) {
    std::vector<NodeId> links = Links(source, level);
    std::erase(links, node);
    AddReplacements(source, level, targets, &links);
    SetLinks(source, level, std::move(links));
  }
  std::vector<NodeId> near = sources;
  for (const NodeId target : targets) {
    if (!Contains(near, target)) {
      near.push_back(target);
    }
  }
  for (const NodeId neighbor : near) {
    std::vector<NodeId> others = near;
    std::erase(others, neighbor);
    Adopt(neighbor, level, others);
    if (Links(neighbor, level).empty() && !others.empty()) {
      SetLinks(neighbor, level, {Scored(neighbor, others).front().node});
    }
  }
  if (level > 0) {
    in_upper_.erase(Key(node, level));
  } else {
    std::vector<NodeId>().swap(In(node, 0));
  }
}

void LinkEditor::Publish() {
  for (const auto& [key, links] : edits_) {
    graph_->SetLinks(static_cast<NodeId>(key >> 8U), static_cast<int>(key & 0xffU), links);
  }
  edits_.clear();
}

void LinkEditor::Rebuild() {
  in0_.clear();
  in_upper_.clear();
  for (NodeId node = 0; node < graph_->slots(); ++node) {
    for (int level = 0; level <= graph_->LevelOf(node); ++level) {
      for (const NodeId target : graph_->Links(node, level)) {
        In(target, level).push_back(node);
      }
    }
  }
}

Status LinkEditor::CheckInvariants() const {
  std::unordered_map<std::uint64_t, std::size_t> incoming;
  for (NodeId node = 0; node < graph_->slots(); ++node) {
    for (int level = 0; level <= graph_->LevelOf(node); ++level) {
      std::vector<NodeId> links = Links(node, level);
      const std::string place = "node " + std::to_string(node) + " level " + std::to_string(level);
      if (links.size() > GraphStore::MaxLinks(level)) {
        return Internal(place + " has " + std::to_string(links.size()) + " links");
      }
      for (const NodeId target : links) {
        if (target == node || target >= graph_->slots() || graph_->LevelOf(target) < level) {
          return Internal(place + " links to " + std::to_string(target));
        }
        ++incoming[Key(target, level)];
      }
      std::sort(links.begin(), links.end());
      if (std::adjacent_find(links.begin(), links.end()) != links.end()) {
        return Internal(place + " links twice to one node");
      }
    }
  }
  for (NodeId node = 0; node < graph_->slots(); ++node) {
    for (int level = 0; level <= graph_->LevelOf(node); ++level) {
      const auto found = incoming.find(Key(node, level));
      if ((found == incoming.end() ? 0 : found->second) != InDegree(node, level)) {
        return Internal("reverse links of node " + std::to_string(node) + " are wrong");
      }
    }
  }
  return Status();
}

std::size_t LinkEditor::memory_bytes() const {
  std::size_t bytes = in0_.capacity() * sizeof(std::vector<NodeId>);
  for (const std::vector<NodeId>& in : in0_) {
    bytes += in.capacity() * sizeof(NodeId);
  }
  for (const auto& [key, in] : in_upper_) {
    bytes += sizeof(decltype(in_upper_)::value_type) + 32 + in.capacity() * sizeof(NodeId);
  }
  return bytes;
}

}  // namespace nearhit
