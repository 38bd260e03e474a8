// HnswIndex to bytes and back. Nothing that is read is trusted: every count, level, vector and
// link is checked before the graph can be walked.

#include <algorithm>
#include <cstring>
#include <string>

#include "base/coding.h"
#include "index/hnsw_index.h"

namespace nearhit {

namespace {
constexpr int kMaxLevel = 32;
}  // namespace

void HnswIndex::Serialize(std::string* out) const {
  MutexLock writer(&write_mu_);
  const EntryPoint entry = entry_.load();
  PutFixed(out, static_cast<std::uint64_t>(graph_->slots()));
  PutFixed(out, entry.node);
  PutFixed(out, static_cast<std::int32_t>(entry.level));
  for (NodeId node = 0; node < graph_->slots(); ++node) {
    const int level = graph_->LevelOf(node);
    PutFixed(out, static_cast<std::int32_t>(level));
    if (level < 0) {
      continue;
    }
    const bool has_name = copies_.HasName(node);
    if (has_name) {
      PutFixed(out, graph_->Label(node).value);
    } else {
      PutFixed(out, std::uint64_t{0});
    }
    const std::vector<Copies::Copy> copies = copies_.At(node);
    PutFixed(out, static_cast<std::uint32_t>(copies.size()));
    for (const Copies::Copy& copy : copies) {
      PutFixed(out, copy.id.value);
      PutFixed(out, copy.fingerprint);
    }
    out->append(reinterpret_cast<const char*>(graph_->Record(node)), codec_.record_bytes());
    for (int at = 0; at <= level; ++at) {
      const std::span<const NodeId> links = graph_->Links(node, at);
      PutFixed(out, static_cast<std::uint16_t>(links.size()));
      for (const NodeId link : links) {
        PutFixed(out, link);
      }
    }
  }
}

void HnswIndex::Reset() {
  graph_ = std::make_unique<GraphStore>(codec_, 16, kLevelSeed);
  editor_ = std::make_unique<LinkEditor>(graph_.get());
  nodes_.Clear();
  copies_.Clear();
  records_.Clear();
  free_.clear();
  levels_.Clear();
  entry_.store({});
  size_.store(0);
}

bool HnswIndex::IsNewEntry(EntryId id) const {
  return id.value != 0 && nodes_.Find(id.value, IdOf()) == kNoNode && copies_.NodeOf(id) == kNoNode;
}

// Which entries are at a node: the one that it is named after, 0 when that has gone, and copies.
bool HnswIndex::ReadEntries(ByteReader* reader, NodeId node) {
  const EntryId name{reader->Fixed<std::uint64_t>()};
  const auto count = reader->Fixed<std::uint32_t>();
  if (!reader->ok() || (name.value == 0 ? count == 0 : !IsNewEntry(name))) {
    return false;
  }
  graph_->SetLabel(node, name);
  if (name.value != 0) {
    nodes_.Insert(name.value, node, IdOf());
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    const EntryId id{reader->Fixed<std::uint64_t>()};
    const auto fingerprint = reader->Fixed<std::uint32_t>();
    if (!reader->ok() || !IsNewEntry(id)) {
      return false;
    }
    copies_.Add(node, {.id = id, .fingerprint = fingerprint});
  }
  if (name.value == 0) {
    copies_.EraseName(node);
  }
  return true;
}

bool HnswIndex::ReadNodes(ByteReader* reader, std::uint64_t slots) {
  std::vector<NodeId> links;
  for (NodeId node = 0; node < slots; ++node) {
    const auto level = reader->Fixed<std::int32_t>();
    if (!reader->ok() || level < -1 || level > kMaxLevel) {
      return false;
    }
    graph_->Occupy(node, EntryId{}, level < 0 ? 0 : level);
    if (level < 0) {
      graph_->Release(node);
      free_.push_back({.node = node, .since = 0});
      continue;
    }
    if (!ReadEntries(reader, node)) {
      return false;
    }
    const std::string_view record = reader->Raw(codec_.record_bytes());
    if (!reader->ok()) {
      return false;
    }
    std::memcpy(graph_->Record(node), record.data(), record.size());
    if (!codec_.IsSound(graph_->Record(node))) {
      return false;
    }
    records_.Insert(HashOf(codec_.QueryOf(graph_->Record(node))), node);
    levels_.Add(level);
    for (int at = 0; at <= level; ++at) {
      const auto count = reader->Fixed<std::uint16_t>();
      if (count > GraphStore::MaxLinks(at)) {
        return false;
      }
      links.clear();
      for (std::uint16_t i = 0; i < count; ++i) {
        links.push_back(reader->Fixed<NodeId>());
        if (links.back() >= slots) {
          return false;
        }
      }
      graph_->SetLinks(node, at, links);
    }
  }
  return reader->AtEnd();
}

Status HnswIndex::Deserialize(std::string_view bytes) {
  MutexLock writer(&write_mu_);
  WriterLock lock(&ids_mu_);
  Reset();
  ByteReader reader(bytes);
  const auto slots = reader.Fixed<std::uint64_t>();
  const auto entry_node = reader.Fixed<NodeId>();
  const auto entry_level = reader.Fixed<std::int32_t>();
  // Each slot takes at least its level: bounds what is reserved for a count that lies.
  if (!reader.ok() || slots > reader.remaining() / sizeof(std::int32_t) ||
      slots > GraphStore::kMaxNodes) {
    return DataLoss("index snapshot has the wrong shape");
  }
  graph_->Grow(std::max<std::size_t>(slots, 16));
  nodes_.Reserve(slots);
  const bool read = ReadNodes(&reader, slots);
  // The entry is one of the nodes of the highest level.
  const bool entry_fits = levels_.highest() < 0
                              ? entry_node == kNoNode
                              : entry_node < graph_->slots() && entry_level == levels_.highest() &&
                                    graph_->LevelOf(entry_node) == entry_level;
  if (!read || !entry_fits) {
    Reset();
    return DataLoss("index snapshot has the wrong shape");
  }
  if (Status sound = editor_->CheckLinks(); !sound.ok()) {
    Reset();
    return DataLoss("index snapshot holds an unsound graph: " + std::string(sound.message()));
  }
  editor_->ForgetReverse();
  size_.store(nodes_.size() + copies_.size());
  entry_.store({.node = entry_node, .level = entry_level});
  return Status();
}

}  // namespace nearhit
