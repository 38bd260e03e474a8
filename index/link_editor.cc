#include "index/link_editor.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace nearhit {

namespace {
// Replacement links per node that loses one; the figure of the paper.
constexpr std::size_t kReplacements = 3;

bool Contains(std::span<const NodeId> nodes, NodeId node) {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

bool Better(const GraphCandidate& a, const GraphCandidate& b) {
  return a.score != b.score ? a.score > b.score : a.node < b.node;
}
}  // namespace

std::vector<NodeId> LinkEditor::Links(NodeId node, int level) const {
  const auto edited = edits_.find(Key(node, level));
  if (edited != edits_.end()) {
    return edited->second.links;
  }
  const std::span<const NodeId> links = graph_->Links(node, level);
  return {links.begin(), links.end()};
}

bool LinkEditor::HasLink(NodeId from, NodeId to, int level) const {
  if (!edits_.empty()) {
    const auto edited = edits_.find(Key(from, level));
    if (edited != edits_.end()) {
      return Contains(edited->second.links, to);
    }
  }
  return Contains(graph_->Links(from, level), to);
}

std::vector<NodeId> LinkEditor::Sources(NodeId node, int level) const {
  const std::span<const NodeId> one_way = one_way_.Sources(node, level);
  std::vector<NodeId> sources(one_way.begin(), one_way.end());
  for (const NodeId target : Links(node, level)) {
    if (HasLink(target, node, level)) {
      sources.push_back(target);
    }
  }
  return sources;
}

std::size_t LinkEditor::InDegree(NodeId node, int level) const {
  return level == 0 ? graph_->InDegree(node) : Sources(node, level).size();
}

void LinkEditor::SetLinks(NodeId node, int level, std::vector<NodeId> links) {
  const std::vector<NodeId> before = Links(node, level);
  bool loses = false;
  for (const NodeId target : before) {
    if (Contains(links, target)) {
      continue;
    }
    loses = true;
    if (HasLink(target, node, level)) {
      one_way_.Add(target, node, level);  // what is left of a link both ways
    } else {
      one_way_.Remove(node, target, level);
    }
    if (level == 0) {
      graph_->SetInDegree(target, graph_->InDegree(target) - 1);
    }
  }
  for (const NodeId target : links) {
    if (Contains(before, target)) {
      continue;
    }
    if (HasLink(target, node, level)) {
      one_way_.Remove(target, node, level);
    } else {
      one_way_.Add(node, target, level);
    }
    if (level == 0) {
      graph_->SetInDegree(target, graph_->InDegree(target) + 1);
    }
  }
  Edit& edit = edits_[Key(node, level)];
  edit.links = std::move(links);
  edit.loses = edit.loses || loses;
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

bool LinkEditor::IsDiverse(const GraphCandidate& candidate,
                           const std::vector<EncodedQuery>& others) const {
  const std::byte* record = graph_->Record(candidate.node);
  return std::all_of(others.begin(), others.end(), [&](const EncodedQuery& other) {
    return graph_->codec().Score(other, record) <= candidate.score;
  });
}

bool LinkEditor::FindsItself(NodeId node, float score) const {
  const Codec& codec = graph_->codec();
  if (codec.metric() != IndexMetric::kDot) {
    return true;
  }
  constexpr float kCodeRounding = .02F;  // of codes
  const std::byte* const record = graph_->Record(node);
  const float own = codec.Score(codec.QueryOf(record), record);
  return score <= own + kCodeRounding * std::abs(own);
}

std::vector<NodeId> LinkEditor::Select(NodeId node, int level,
                                       const std::vector<GraphCandidate>& candidates,
                                       std::size_t limit) const {
  std::vector<NodeId> kept;
  std::vector<EncodedQuery> kept_vectors;
  const auto keep = [&](NodeId candidate) {
    kept.push_back(candidate);
    kept_vectors.push_back(graph_->codec().QueryOf(graph_->Record(candidate)));
  };
  const std::vector<NodeId> current = Links(node, level);
  for (const GraphCandidate& candidate : candidates) {
    if (InDegree(candidate.node, level) == 1 && FindsItself(candidate.node, candidate.score) &&
        Contains(current, candidate.node)) {
      keep(candidate.node);
    }
  }
  for (const GraphCandidate& candidate : candidates) {
    if (kept.size() >= limit) {
      break;
    }
    if (candidate.node != node && !Contains(kept, candidate.node) &&
        IsDiverse(candidate, kept_vectors)) {
      keep(candidate.node);
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
  added_ = node;
  SetLinks(node, level, chosen);
  for (const NodeId neighbor : chosen) {
    AddLink(neighbor, node, level);
  }
  EnsureInboundLink(node, level, candidates);
}

// Links `parent` to `node` when there is room.
bool LinkEditor::TryInboundLink(NodeId parent, NodeId node, int level) {
  std::vector<NodeId> links = Links(parent, level);
  if (links.size() == GraphStore::MaxLinks(level)) {
    return false;
  }
  links.push_back(node);
  SetLinks(parent, level, std::move(links));
  return true;
}

// In place of a target that others link to as well.
bool LinkEditor::TryReplace(NodeId parent, NodeId node, int level) {
  std::vector<NodeId> links = Links(parent, level);
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

void LinkEditor::EnsureInboundLink(NodeId node, int level,
                                   const std::vector<GraphCandidate>& near) {
  if (InDegree(node, level) > 0 || near.empty()) {
    return;
  }
  const auto adopts = [&](const GraphCandidate& parent) {
    return TryInboundLink(parent.node, node, level);
  };
  const auto replaces = [&](const GraphCandidate& parent) {
    return TryReplace(parent.node, node, level);
  };
  if (std::any_of(near.begin(), near.end(), adopts) || !FindsItself(node, near.front().score) ||
      std::any_of(near.begin(), near.end(), replaces)) {
    return;
  }
  // Every place near is taken by a target with no other link: become a step on the way to one of
  // them.
  const NodeId parent = near.front().node;
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
  std::vector<EncodedQuery> link_vectors;
  link_vectors.reserve(GraphStore::MaxLinks(level));
  for (const NodeId link : *links) {
    link_vectors.push_back(graph_->codec().QueryOf(graph_->Record(link)));
  }
  NodeId nearest = kNoNode;
  for (const GraphCandidate& candidate : Scored(source, targets)) {
    if (links->size() == std::min(before + kReplacements, GraphStore::MaxLinks(level))) {
      break;
    }
    if (candidate.node == source || Contains(*links, candidate.node)) {
      continue;
    }
    nearest = nearest == kNoNode ? candidate.node : nearest;
    if (IsDiverse(candidate, link_vectors)) {
      links->push_back(candidate.node);
      link_vectors.push_back(graph_->codec().QueryOf(graph_->Record(candidate.node)));
    }
  }
  if (links->size() == before && nearest != kNoNode && before < GraphStore::MaxLinks(level)) {
    links->push_back(nearest);
  }
}

void LinkEditor::Disconnect(NodeId node, int level) {
  const std::vector<NodeId> sources = Sources(node, level);
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
    if (InDegree(neighbor, level) == 0) {
      EnsureInboundLink(neighbor, level, Scored(neighbor, others));
    }
    if (Links(neighbor, level).empty() && !others.empty()) {
      SetLinks(neighbor, level, {Scored(neighbor, others).front().node});
    }
  }
  edits_.erase(Key(node, level));
  removed_ = node;
}

int LinkEditor::PublishPriority(std::uint64_t key) const {
  const auto node = static_cast<NodeId>(key >> 8U);
  if (node == added_) {
    return 3;
  }
  if (!edits_.at(key).loses) {
    return 2;
  }
  return Contains(graph_->Links(node, static_cast<int>(key & 0xffU)), removed_) ? 0 : 1;
}

bool LinkEditor::PublishNext() {
  if (order_.empty() && !edits_.empty()) {
    std::vector<std::pair<int, std::uint64_t>> priorities;
    priorities.reserve(edits_.size());
    for (const auto& [key, edit] : edits_) {
      priorities.emplace_back(PublishPriority(key), key);
    }
    std::sort(priorities.begin(), priorities.end());
    for (const auto& [turn, key] : priorities) {
      order_.push_back(key);
    }
  }
  if (order_.empty()) {
    added_ = kNoNode;
    removed_ = kNoNode;
    return false;
  }
  const auto next = edits_.find(order_.back());
  order_.pop_back();
  graph_->SetLinks(static_cast<NodeId>(next->first >> 8U), static_cast<int>(next->first & 0xffU),
                   next->second.links);
  edits_.erase(next);
  return true;
}

void LinkEditor::EnsureReverse() {
  if (!reverse_known_) {
    one_way_.Build(graph_);
    reverse_known_ = true;
  }
}

Status LinkEditor::CheckLinks() const {
  std::vector<NodeId> sorted;
  for (NodeId node = 0; node < graph_->slots(); ++node) {
    for (int level = 0; level <= graph_->LevelOf(node); ++level) {
      const std::span<const NodeId> links = graph_->Links(node, level);
      const auto place = [node, level] {
        return "node " + std::to_string(node) + " level " + std::to_string(level);
      };
      if (links.size() > GraphStore::MaxLinks(level)) {
        return Internal(place() + " has " + std::to_string(links.size()) + " links");
      }
      for (const NodeId target : links) {
        if (target == node || target >= graph_->slots() || graph_->LevelOf(target) < level) {
          return Internal(place() + " links to " + std::to_string(target));
        }
      }
      sorted.assign(links.begin(), links.end());
      std::sort(sorted.begin(), sorted.end());
      if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
        return Internal(place() + " links twice to one node");
      }
    }
  }
  return Status();
}

Status LinkEditor::CheckInvariants() const {
  NEARHIT_RETURN_IF_ERROR(CheckLinks());
  std::unordered_map<std::uint64_t, std::vector<NodeId>> incoming;
  for (NodeId node = 0; node < graph_->slots(); ++node) {
    for (int level = 0; level <= graph_->LevelOf(node); ++level) {
      for (const NodeId target : graph_->Links(node, level)) {
        incoming[Key(target, level)].push_back(node);
      }
    }
  }
  for (NodeId node = 0; node < graph_->slots(); ++node) {
    for (int level = 0; level <= graph_->LevelOf(node); ++level) {
      std::vector<NodeId>& expected = incoming[Key(node, level)];
      std::vector<NodeId> sources = Sources(node, level);
      std::sort(expected.begin(), expected.end());
      std::sort(sources.begin(), sources.end());
      if (sources != expected || InDegree(node, level) != expected.size()) {
        return Internal("reverse links of node " + std::to_string(node) + " are wrong");
      }
    }
    if (graph_->LevelOf(node) < 0 && !one_way_.Sources(node, 0).empty()) {
      return Internal("free slot " + std::to_string(node) + " has reverse links");
    }
  }
  return Status();
}

}  // namespace nearhit
