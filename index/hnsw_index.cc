#include "index/hnsw_index.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <numeric>
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
  copies_.Forget(node);
  graph_->Occupy(node, id, level);
  return node;
}

NodeId HnswIndex::Find(EntryId id) const {
  {
    ReaderLock lock(&ids_mu_);
    if (const NodeId node = nodes_.Find(id.value, IdOf()); node != kNoNode) {
      return node;
    }
  }
  return copies_.NodeOf(id);
}

Status HnswIndex::Add(EntryId id, VectorView vector) {
  NEARHIT_CHECK(vector.size() == codec_.dimension());
  MutexLock writer(&write_mu_);
  editor_->EnsureReverse();
  EraseEntry(id);
  if (free_.empty() && graph_->slots() >= GraphStore::kMaxNodes) {
    return ResourceExhausted("the index holds " + std::to_string(size()) + " entries, its limit");
  }
  const std::unique_ptr<float[]> record(new float[codec_.record_bytes() / sizeof(float)]);
  auto* const bytes = reinterpret_cast<std::byte*>(record.get());
  codec_.Encode(vector, bytes);
  const EncodedQuery query = codec_.QueryOf(bytes);
  const std::uint32_t hash = HashOf(query);
  const NodeId same = records_.Find(hash, [&](NodeId node) {
    return std::memcmp(bytes, graph_->Record(node), codec_.record_bytes()) == 0;
  });
  if (same != kNoNode) {
    copies_.Add(same, {.id = id, .fingerprint = FingerprintOf(vector)});
    size_.fetch_add(1);
    return Status();
  }
  AddNode(id, graph_->RandomLevel(), bytes, query, hash);
  prepared_ = 0;
  if (++added_ % kAddsToAProbe == 0) {
    Probe();
  }
  return Status();
}

void HnswIndex::AddNode(EntryId id, int level, const std::byte* record, const EncodedQuery& query,
                        std::uint32_t hash) {
  const EntryPoint entry = entry_.load();
  std::vector<std::vector<GraphCandidate>> candidates;  // by level
  if (entry.node != kNoNode) {
    SearchStats stats;
    candidates.resize(static_cast<std::size_t>(std::min(level, entry.level)) + 1);
    std::vector<GraphCandidate> starts = Descend(*graph_, entry, query, level, /*width=*/1, &stats);
    for (std::size_t at = candidates.size(); at-- > 0;) {
      candidates[at] = SearchLevel(*graph_, query, std::span(starts).first(1), static_cast<int>(at),
                                   {.ef = GraphStore::kEfConstruction},
                                   /*filtered=*/nullptr, &stats);
      starts = candidates[at];
    }
  }
  const NodeId node = TakeSlot(id, level);
  std::memcpy(graph_->Record(node), record, codec_.record_bytes());
  for (std::size_t at = candidates.size(); at-- > 0;) {
    editor_->Connect(node, static_cast<int>(at), candidates[at]);
  }
  CountLevel(level);
  {
    WriterLock lock(&ids_mu_);
    nodes_.Insert(id.value, node, IdOf());
  }
  size_.fetch_add(1);
  editor_->Publish();
  records_.Insert(hash, node);
  if (level > entry_.load().level) {
    entry_.store({.node = node, .level = level});
  }
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
  const float low = EndsFor(Beyond(threshold)).lowest.value();
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
  editor_->EnsureReverse();
  return EraseEntry(id);
}

// The node goes with the last of its entries.
bool HnswIndex::EraseEntry(EntryId id) {
  const NodeId node = Find(id);
  if (node == kNoNode) {
    return false;
  }
  size_.fetch_sub(1);
  if (copies_.NodeOf(id) == node) {
    copies_.Erase(node, id);
    if (!copies_.HasName(node) && !copies_.Has(node)) {
      EraseNode(node);
    }
    return true;
  }
  if (copies_.Has(node)) {
    copies_.EraseName(node);
  } else {
    EraseNode(node);
  }
  WriterLock lock(&ids_mu_);
  nodes_.Erase(id.value, IdOf());
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
  records_.Erase(HashOf(codec_.QueryOf(graph_->Record(node))), node);
  for (int at = level; at >= 0; --at) {
    editor_->Disconnect(node, at);
  }
  if (entry_.load().node == node) {
    entry_.store(NextEntry(node));
  }
  editor_->Publish();
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
  copies_.AppendIds(&ids);
  return ids;
}

std::size_t HnswIndex::memory_bytes() const {
  MutexLock writer(&write_mu_);
  ReaderLock lock(&ids_mu_);
  return sizeof(*this) + graph_->memory_bytes() + editor_->memory_bytes() + nodes_.memory_bytes() +
         copies_.memory_bytes() + records_.memory_bytes() + free_.size() * sizeof(FreeSlot);
}

Status HnswIndex::CheckInvariants() const {
  MutexLock writer(&write_mu_);
  editor_->EnsureReverse();
  return editor_->CheckInvariants();
}

std::size_t HnswIndex::CountUnreachable() const {
  MutexLock writer(&write_mu_);
  const EntryPoint entry = entry_.load();
  const auto nodes = static_cast<std::size_t>(
      std::accumulate(level_counts_.begin(), level_counts_.end(), std::size_t{0}));
  if (entry.node == kNoNode) {
    return nodes;
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
  return nodes - reached;
}

}  // namespace nearhit
