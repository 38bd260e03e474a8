#include "index/hnsw_index.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"
#include "index/rescore.h"

namespace nearhit {

HnswIndex::HnswIndex(const Codec& codec, std::size_t capacity, std::uint64_t seed)
    : codec_(codec),
      graph_(std::make_unique<GraphStore>(codec, std::max<std::size_t>(capacity, 16), seed)) {
  editor_ = std::make_unique<LinkEditor>(graph_.get());
}

void HnswIndex::CountLevel(int level) {
  level_counts_.resize(std::max(level_counts_.size(), static_cast<std::size_t>(level) + 1));
  ++level_counts_[static_cast<std::size_t>(level)];
}

// A free slot that no reader may be at, the last one if it can be: it is in the caches. A new one
// otherwise. Requires: there is one.
NodeId HnswIndex::TakeSlot(EntryId id, int level) {
  auto node = static_cast<NodeId>(graph_->slots());
  if (node == GraphStore::kMaxNodes) {
    WaitForReaders();
  }
  if (!free_.empty() && ReadersLeft(free_.back().since)) {
    node = free_.back().node;
    free_.pop_back();
  } else if (!free_.empty() && ReadersLeft(free_.front().since)) {
    node = free_.front().node;
    free_.pop_front();
  } else if (node == graph_->capacity()) {
    graph_->Grow(
        std::min<std::size_t>(graph_->capacity() + graph_->capacity() / 4, GraphStore::kMaxNodes));
  }
  graph_->Occupy(node, id, level);
  return node;
}

// Requires: no writer but the caller, or a ReadSection, in which what is found stays what it is.
NodeId HnswIndex::Find(EntryId id) const {
  ReaderLock lock(&ids_mu_);
  return nodes_.Find(id.value, IdOf());
}

Status HnswIndex::Add(EntryId id, VectorView vector) {
  NEARHIT_CHECK(vector.size() == codec_.dimension());
  MutexLock writer(&write_mu_);
  editor_->EnsureReverse();
  if (const NodeId old = Find(id); old != kNoNode) {
    EraseNode(old);
  }
  if (free_.empty() && graph_->slots() >= GraphStore::kMaxNodes) {
    return ResourceExhausted("the index holds " + std::to_string(size()) + " entries, its limit");
  }
  const int level = graph_->RandomLevel();
  const NodeId node = TakeSlot(id, level);
  codec_.Encode(vector, graph_->Record(node));

  const EntryPoint entry = entry_.load();
  if (entry.node != kNoNode) {
    SearchStats stats;
    const EncodedQuery query = codec_.QueryOf(graph_->Record(node));
    std::vector<GraphCandidate> candidates =
        Descend(*graph_, entry, query, level, /*width=*/1, &stats);
    for (int at = std::min(level, entry.level); at >= 0; --at) {
      candidates = SearchLevel(*graph_, query, std::span(candidates).first(1), at,
                               {.ef = GraphStore::kEfConstruction}, /*filter=*/nullptr, &stats);
      editor_->Connect(node, at, candidates);
    }
  }
  CountLevel(level);
  {
    WriterLock lock(&ids_mu_);
    nodes_.Insert(id.value, node, IdOf());
  }
  size_.fetch_add(1);
  editor_->Publish();
  if (level > entry.level) {
    entry_.store({.node = node, .level = level});
  }
  prepared_ = 0;
  if (++added_ % kAddsToAProbe == 0) {
    Probe();
  }
  return Status();
}

bool HnswIndex::Prepare() {
  MutexLock writer(&write_mu_);
  editor_->EnsureReverse();
  const float threshold = asked_.load();
  if (threshold == 0) {
    return false;  // nobody has asked
  }
  const auto until = std::chrono::steady_clock::now() + kProbesOfACall;
  const auto asked = std::pair(threshold, tuner_.factor());
  // Where walks that end as low as those of before are not walked again any more, more are lost.
  constexpr float kLower = .05F;
  const float low = EndsFor(threshold).lowest.value();
  if (asked != prepared_for_ || low < prepared_low_ - kLower) {
    prepared_for_ = asked;
    prepared_low_ = low;
    prepared_ = 0;
  }
  // Those that hit a free slot count as well: a graph may have hardly any entries left.
  while (prepared_ < BreadthTuner::kWindow && std::chrono::steady_clock::now() < until) {
    Probe();
    ++prepared_;
  }
  return prepared_ < BreadthTuner::kWindow || tuner_.factor() != prepared_for_.second;
}

bool HnswIndex::Erase(EntryId id) {
  MutexLock writer(&write_mu_);
  const NodeId node = Find(id);
  if (node == kNoNode) {
    return false;
  }
  editor_->EnsureReverse();
  EraseNode(node);
  return true;
}

// Any of the highest level: a scan of the levels, which only the leaving of the entry costs.
EntryPoint HnswIndex::NextEntry(NodeId leaving) const {
  const auto leaving_level = static_cast<std::size_t>(graph_->LevelOf(leaving));
  for (std::size_t level = level_counts_.size(); level-- > 0;) {
    if (level_counts_[level] == (level == leaving_level ? 1U : 0U)) {
      continue;
    }
    for (NodeId node = 0; node < graph_->slots(); ++node) {
      if (node != leaving && graph_->LevelOf(node) == static_cast<int>(level)) {
        return {.node = node, .level = static_cast<int>(level)};
      }
    }
  }
  return {};
}

void HnswIndex::EraseNode(NodeId node) {
  const int level = graph_->LevelOf(node);
  for (int at = level; at >= 0; --at) {
    editor_->Disconnect(node, at);
  }
  if (entry_.load().node == node) {
    entry_.store(NextEntry(node));
  }
  editor_->Publish();
  {
    WriterLock lock(&ids_mu_);
    nodes_.Erase(graph_->Label(node).value, IdOf());
  }
  size_.fetch_sub(1);
  graph_->Release(node);
  --level_counts_[static_cast<std::size_t>(level)];
  while (!level_counts_.empty() && level_counts_.back() == 0) {
    level_counts_.pop_back();
  }
  free_.push_back({.node = node, .since = NewEpoch()});
}

bool HnswIndex::Contains(EntryId id) const {
  const ReadSection section;
  return Find(id) != kNoNode;
}

std::vector<Neighbor> HnswIndex::Search(VectorView query, const SearchOptions& options,
                                        SearchStats* stats) const {
  NEARHIT_CHECK(query.size() == codec_.dimension() && options.k >= 1);
  const EncodedQuery encoded = codec_.EncodeQuery(query);
  const std::size_t wanted = CandidatesFor(options.k, codec_.encoding(), options.source);
  std::vector<RoughNeighbor> found;
  {
    const ReadSection section;
    const std::vector<GraphCandidate> candidates = Candidates(encoded, options, stats);
    found.reserve(std::min(wanted, candidates.size()));
    for (const GraphCandidate& candidate : candidates) {
      if (found.size() == wanted) {
        break;
      }
      found.push_back(
          {.neighbor = {.id = graph_->Label(candidate.node), .score = candidate.score},
           .bound = codec_.ScoreBound(encoded, graph_->Record(candidate.node), candidate.score)});
    }
  }
  std::sort(found.begin(), found.end(),
            [](const RoughNeighbor& a, const RoughNeighbor& b) { return a.neighbor < b.neighbor; });
  return Rescore(codec_, query, options, found, stats);
}

std::vector<Neighbor> HnswIndex::SearchAmong(VectorView query, std::span<const EntryId> ids,
                                             const SearchOptions& options,
                                             SearchStats* stats) const {
  NEARHIT_CHECK(query.size() == codec_.dimension() && options.k >= 1);
  const EncodedQuery encoded = codec_.EncodeQuery(query);
  struct Scored {
    Neighbor neighbor;
    NodeId node;
  };
  std::vector<Scored> scored;
  scored.reserve(ids.size());
  std::vector<RoughNeighbor> candidates;
  {
    const ReadSection section;
    {
      ReaderLock lock(&ids_mu_);
      for (const EntryId id : ids) {
        if (const NodeId node = nodes_.Find(id.value, IdOf()); node != kNoNode) {
          scored.push_back({.neighbor = {.id = id}, .node = node});
        }
      }
    }
    if (options.filter != nullptr) {
      std::erase_if(scored, [&options](const Scored& entry) {
        return !options.filter->Accepts(entry.neighbor.id);
      });
    }
    for (auto& [neighbor, node] : scored) {
      neighbor.score = codec_.Score(encoded, graph_->Record(node));
    }
    stats->distances += scored.size();
    const std::size_t wanted =
        std::min(CandidatesFor(options.k, codec_.encoding(), options.source), scored.size());
    std::partial_sort(scored.begin(), scored.begin() + static_cast<std::ptrdiff_t>(wanted),
                      scored.end(),
                      [](const Scored& a, const Scored& b) { return a.neighbor < b.neighbor; });
    for (const auto& [neighbor, node] : std::span(scored).first(wanted)) {
      candidates.push_back(
          {.neighbor = neighbor,
           .bound = codec_.ScoreBound(encoded, graph_->Record(node), neighbor.score)});
    }
  }
  return Rescore(codec_, query, options, candidates, stats);
}

bool HnswIndex::Reconstruct(EntryId id, std::span<float> out) const {
  const ReadSection section;
  const NodeId node = Find(id);
  if (node == kNoNode) {
    return false;
  }
  codec_.Decode(graph_->Record(node), out);
  return true;
}

// Writers wait, who would wait for ids_mu_ anyway; too long for a ReadSection, which growth waits
// for.
std::vector<EntryId> HnswIndex::Ids() const {
  MutexLock writer(&write_mu_);
  ReaderLock lock(&ids_mu_);
  std::vector<EntryId> ids;
  ids.reserve(nodes_.size());
  nodes_.ForEach([&](NodeId node) { ids.push_back(graph_->Label(node)); });
  return ids;
}

std::size_t HnswIndex::memory_bytes() const {
  MutexLock writer(&write_mu_);
  ReaderLock lock(&ids_mu_);
  return sizeof(*this) + graph_->memory_bytes() + editor_->memory_bytes() + nodes_.memory_bytes() +
         free_.size() * sizeof(FreeSlot);
}

Status HnswIndex::CheckInvariants() const {
  MutexLock writer(&write_mu_);
  editor_->EnsureReverse();
  return editor_->CheckInvariants();
}

std::size_t HnswIndex::CountUnreachable() const {
  MutexLock writer(&write_mu_);
  const EntryPoint entry = entry_.load();
  if (entry.node == kNoNode) {
    return size();
  }
  std::vector<bool> seen(graph_->capacity(), false);
  std::vector<NodeId> stack = {entry.node};
  seen[entry.node] = true;
  std::size_t reached = 1;
  while (!stack.empty()) {
    const NodeId node = stack.back();
    stack.pop_back();
    for (const NodeId target : graph_->Links(node, 0)) {
      if (!seen[target]) {
        seen[target] = true;
        ++reached;
        stack.push_back(target);
      }
    }
  }
  return size() - reached;
}

}  // namespace nearhit
