#include "index/partition_index.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "base/coding.h"
#include "index/hnsw_index.h"

namespace nearhit {

namespace {
// Changes left for the last round of a move, during which writers wait.
constexpr std::size_t kLastRound = 64;

enum class Kind : std::uint8_t { kFlat = 0, kGraph = 1 };  // stored in snapshots; do not renumber
}  // namespace

struct PartitionIndex::Moves {
  mutable SharedMutex mu;  // held for copying a pointer
  Current current GUARDED_BY(mu);

  // Entries from which a graph is tried again; 0: none has failed.
  std::atomic<std::size_t> scan_below{0};

  // Guarded by write_mu_.
  bool moving = false;
  std::vector<Change> changes;  // since the move began
};

PartitionIndex::PartitionIndex(std::size_t dimension, IndexMetric metric, Encoding encoding,
                               std::size_t graph_threshold)
    : graph_threshold_(static_cast<std::uint32_t>(
          std::min<std::size_t>(graph_threshold, std::numeric_limits<std::uint32_t>::max()))),
      flat_(Codec(dimension, metric, encoding)) {
}

PartitionIndex::~PartitionIndex() {
  delete moves_.load();
}

PartitionIndex::Current PartitionIndex::current() const {
  const Moves* const moves = moves_.load(std::memory_order_acquire);
  if (moves == nullptr) {
    return {};
  }
  ReaderLock lock(&moves->mu);
  return moves->current;
}

// What `read` finds in the structure that serves. A graph that is replaced meanwhile stays as it
// was, but flat_ may have been emptied below `read`, and then the graph is asked.
template <typename Read>
auto PartitionIndex::Ask(Read&& read) const {
  while (true) {
    const Current asked = current();
    if (asked.graph != nullptr) {
      return read(static_cast<const VectorIndex&>(*asked.graph));
    }
    auto answer = read(static_cast<const VectorIndex&>(flat_));
    if (current().moves == asked.moves) {
      return answer;
    }
  }
}

bool PartitionIndex::Contains(EntryId id) const {
  return Ask([id](const VectorIndex& index) { return index.Contains(id); });
}

std::vector<Neighbor> PartitionIndex::Search(VectorView query, const SearchOptions& options,
                                             SearchStats* stats) const {
  return Ask([&](const VectorIndex& index) { return index.Search(query, options, stats); });
}

std::vector<Neighbor> PartitionIndex::SearchAmong(VectorView query, std::span<const EntryId> ids,
                                                  const SearchOptions& options,
                                                  SearchStats* stats) const {
  return Ask(
      [&](const VectorIndex& index) { return index.SearchAmong(query, ids, options, stats); });
}

bool PartitionIndex::Reconstruct(EntryId id, std::span<float> out) const {
  return Ask([&](const VectorIndex& index) { return index.Reconstruct(id, out); });
}

std::vector<EntryId> PartitionIndex::Ids() const {
  return Ask([](const VectorIndex& index) { return index.Ids(); });
}

std::size_t PartitionIndex::size() const {
  return Ask([](const VectorIndex& index) { return index.size(); });
}

std::size_t PartitionIndex::memory_bytes() const {
  const Current now = current();
  return sizeof(*this) - sizeof(flat_) + flat_.memory_bytes() +
         (now.moves > 0 ? sizeof(Moves) : 0) +
         (now.graph != nullptr ? now.graph->memory_bytes() : 0);
}

Status PartitionIndex::Add(EntryId id, VectorView vector) {
  WriterLock writer(&write_mu_);
  const Current now = current();
  NEARHIT_RETURN_IF_ERROR(now.graph != nullptr ? now.graph->Add(id, vector)
                                               : flat_.Add(id, vector));
  Record({.id = id, .added = true});
  return Status();
}

bool PartitionIndex::Erase(EntryId id) {
  WriterLock writer(&write_mu_);
  const Current now = current();
  const bool erased = now.graph != nullptr ? now.graph->Erase(id) : flat_.Erase(id);
  if (erased) {
    Record({.id = id, .added = false});
  }
  return erased;
}

void PartitionIndex::Record(const Change& change) {
  if (Moves* const moves = moves_.load(); moves != nullptr && moves->moving) {
    moves->changes.push_back(change);
  }
}

// Once one has failed, the next one serves down to half as many: entries come and go around a
// limit.
bool PartitionIndex::Fails(const HnswIndex& graph) const {
  const std::size_t most = ScanAtMost(dimension());
  return graph.FailsProbes() && graph.size() < (GraphFrom() > graph_threshold_ ? most / 2 : most);
}

std::size_t PartitionIndex::GraphFrom() const {
  const Moves* const moves = moves_.load(std::memory_order_acquire);
  return std::max<std::size_t>(graph_threshold_, moves == nullptr ? 0 : moves->scan_below.load());
}

bool PartitionIndex::NeedsMove() const {
  const std::size_t entries = size();
  const Current now = current();
  return now.graph != nullptr ? entries < graph_threshold_ / 4 || Fails(*now.graph)
                              : entries >= GraphFrom();
}

bool PartitionIndex::Prepare() {
  WriterLock writer(&write_mu_);
  const Current now = current();
  return now.graph != nullptr && now.graph->Prepare();
}

PartitionIndex::Moves& PartitionIndex::MakeMoves() {
  if (moves_.load() == nullptr) {
    moves_.store(new Moves);
  }
  return *moves_.load();
}

void PartitionIndex::Put(std::shared_ptr<HnswIndex> graph) {
  Moves& moves = MakeMoves();
  WriterLock lock(&moves.mu);
  std::swap(moves.current.graph, graph);  // the old one goes with the last search that uses it
  ++moves.current.moves;
}

void PartitionIndex::Replay(const std::vector<Change>& changes, const VectorIndex& from,
                            VectorIndex* to) const {
  std::vector<float> vector(codec().dimension());
  for (const Change& change : changes) {
    if (!change.added) {
      to->Erase(change.id);
    } else if (from.Reconstruct(change.id,
                                vector)) {  // or erased since; that comes later in the list
      to->Add(change.id, vector)
          .IgnoreError();  // fails at 2^31 entries, which `from` did not reach
    }
  }
}

void PartitionIndex::Move() {
  const Current now = current();
  const bool to_graph = now.graph == nullptr;
  {
    WriterLock writer(&write_mu_);
    Moves& moves = MakeMoves();
    moves.moving = true;
    moves.changes.clear();
  }
  if (!to_graph) {
    flat_.Clear();  // what a move left that failed for want of memory
  }
  const VectorIndex& from = to_graph ? static_cast<const VectorIndex&>(flat_) : *now.graph;
  const std::vector<EntryId> ids = from.Ids();
  std::shared_ptr<HnswIndex> graph;
  if (to_graph) {
    graph = std::make_shared<HnswIndex>(codec(), ids.size() + ids.size() / 4);
  }
  VectorIndex* const to = to_graph ? static_cast<VectorIndex*>(graph.get()) : &flat_;
  std::vector<Change> changes;
  changes.reserve(ids.size());
  for (const EntryId id : ids) {
    changes.push_back({.id = id, .added = true});
  }
  // Rounds beside the writers, until what they added meanwhile is little.
  while (true) {
    Replay(changes, from, to);
    WriterLock writer(&write_mu_);
    Moves& moves = MakeMoves();
    changes.clear();
    std::swap(changes, moves.changes);
    if (changes.size() <= kLastRound) {
      Replay(changes, from, to);
      moves.moving = false;
      moves.changes.shrink_to_fit();
      if (!to_graph && Fails(*now.graph)) {
        moves.scan_below = std::min(2 * to->size(), ScanAtMost(dimension()));
      }
      Put(std::move(graph));
      break;
    }
  }
  if (to_graph) {
    flat_.Clear();
  }
}

void PartitionIndex::Serialize(std::string* out) const {
  // Writers wait meanwhile; searches do not.
  WriterLock writer(&write_mu_);
  if (const Current now = current(); now.graph != nullptr) {
    PutFixed(out, Kind::kGraph);
    now.graph->Serialize(out);
    return;
  }
  PutFixed(out, Kind::kFlat);
  std::vector<float> vector(codec().dimension());
  for (const EntryId id : flat_.Ids()) {
    flat_.Reconstruct(id, vector);
    PutFixed(out, id.value);
    out->append(reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float));
  }
}

Status PartitionIndex::Deserialize(std::string_view bytes) {
  ByteReader reader(bytes);
  const auto kind = reader.Fixed<Kind>();
  if (kind == Kind::kGraph) {
    auto graph = std::make_shared<HnswIndex>(codec());
    NEARHIT_RETURN_IF_ERROR(graph->Deserialize(bytes.substr(sizeof(Kind))));
    WriterLock writer(&write_mu_);
    Put(std::move(graph));
    return Status();
  }
  if (!reader.ok() || kind != Kind::kFlat) {
    return DataLoss("index snapshot has the wrong shape");
  }
  Status read = DeserializeFlat(reader.Raw(reader.remaining()));
  if (!read.ok()) {
    flat_.Clear();
  }
  return read;
}

Status PartitionIndex::DeserializeFlat(std::string_view entries) {
  const std::size_t dimension = codec().dimension();
  if (entries.size() % (sizeof(std::uint64_t) + dimension * sizeof(float)) != 0) {
    return DataLoss("index snapshot has the wrong shape");
  }
  ByteReader reader(entries);
  const Codec as_written(dimension, codec().metric(), Encoding::kFloat32);
  std::vector<float> vector(as_written.record_bytes() / sizeof(float));
  while (reader.remaining() > 0) {
    const EntryId id{reader.Fixed<std::uint64_t>()};
    const std::string_view components = reader.Raw(dimension * sizeof(float));
    std::memcpy(vector.data(), components.data(), components.size());
    if (flat_.Contains(id) || !as_written.IsSound(reinterpret_cast<std::byte*>(vector.data()))) {
      return DataLoss("index snapshot holds an id twice or a vector that is none");
    }
    NEARHIT_RETURN_IF_ERROR(flat_.Add(id, VectorView(vector).first(dimension)));
  }
  return Status();
}

}  // namespace nearhit
