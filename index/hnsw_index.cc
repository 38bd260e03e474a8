#include "index/hnsw_index.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/check.h"
#include "index/rescore.h"

namespace nearhit {

namespace {
// Any of the highest level: a scan of the levels, which only the leaving of the entry costs.
EntryPoint NextEntry(const GraphStore& graph, LevelCounts levels, NodeId leaving) {
  levels.Remove(graph.LevelOf(leaving));
  for (NodeId node = 0; node < graph.slots(); ++node) {
    if (node != leaving && levels.highest() >= 0 && graph.LevelOf(node) == levels.highest()) {
      return {.node = node, .level = levels.highest()};
    }
  }
  return {};
}
}  // namespace

HnswIndex::HnswIndex(const Codec& codec, std::size_t capacity, LevelSource levels)
    : codec_(codec),
      level_source_(std::move(levels)),
      graph_(std::make_unique<GraphStore>(codec, std::max<std::size_t>(capacity, 16), kLevelSeed)),
      planner_(codec.metric(), codec.centre_squared()) {
  editor_ = std::make_unique<LinkEditor>(graph_.get());
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
  AddNode(id, level_source_ ? level_source_() : graph_->RandomLevel(), bytes, query, hash);
  prober_.OnAdd(walker(), size());
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
  levels_.Add(level);
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

void HnswIndex::BuildReverseLinks() {
  MutexLock writer(&write_mu_);
  editor_->EnsureReverse();
}

bool HnswIndex::ProbeStep() {
  MutexLock writer(&write_mu_);
  return prober_.ProbeSome(walker(), size());
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

void HnswIndex::EraseNode(NodeId node) {
  const int level = graph_->LevelOf(node);
  records_.Erase(HashOf(codec_.QueryOf(graph_->Record(node))), node);
  for (int at = level; at >= 0; --at) {
    editor_->Disconnect(node, at);
  }
  if (entry_.load().node == node) {
    entry_.store(NextEntry(*graph_, levels_, node));
  }
  editor_->Publish();
  graph_->Release(node);
  levels_.Remove(level);
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
  const std::size_t nodes = levels_.nodes();
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
