#include "index/partition_index.h"

#include <utility>

#include "base/coding.h"
#include "index/flat_index.h"
#include "index/hnsw_index.h"

namespace nearhit {

namespace {
// Changes left for the last round of a move, during which writers wait.
constexpr std::size_t kLastRound = 64;

enum class Kind : std::uint8_t { kFlat = 0, kGraph = 1 };  // stored in snapshots; do not renumber
}  // namespace

PartitionIndex::PartitionIndex(std::size_t dimension, IndexMetric metric, Encoding encoding,
                               std::size_t graph_threshold)
    : codec_(dimension, metric, encoding),
      graph_threshold_(graph_threshold),
      current_(std::make_shared<FlatIndex>(codec_)) {
}

bool PartitionIndex::is_graph() const {
  ReaderLock lock(&current_mu_);
  return graph_;
}

Status PartitionIndex::Add(EntryId id, VectorView vector) {
  MutexLock writer(&write_mu_);
  NEARHIT_RETURN_IF_ERROR(current()->Add(id, vector));
  if (moving_) {
    changes_.push_back({.id = id, .added = true});
  }
  return Status();
}

bool PartitionIndex::Erase(EntryId id) {
  MutexLock writer(&write_mu_);
  const bool erased = current()->Erase(id);
  if (erased && moving_) {
    changes_.push_back({.id = id, .added = false});
  }
  return erased;
}

bool PartitionIndex::NeedsMove() const {
  const std::size_t entries = size();
  return is_graph() ? entries < graph_threshold_ / 4 : entries >= graph_threshold_;
}

void PartitionIndex::PrepareForWrites() {
  MutexLock writer(&write_mu_);
  if (const std::shared_ptr<VectorIndex> index = current(); is_graph()) {
    static_cast<HnswIndex&>(*index).PrepareForWrites();
  }
}

void PartitionIndex::Put(std::shared_ptr<VectorIndex> next, bool graph) {
  WriterLock lock(&current_mu_);
  std::swap(current_, next);  // the old one goes with the last search that uses it
  graph_ = graph;
}

void PartitionIndex::Replay(const std::vector<Change>& changes, const VectorIndex& from,
                            VectorIndex* to) const {
  std::vector<float> vector(codec_.dimension());
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
  const bool to_graph = !is_graph();
  const std::shared_ptr<VectorIndex> from = current();
  {
    MutexLock writer(&write_mu_);
    moving_ = true;
    changes_.clear();
  }
  std::shared_ptr<VectorIndex> to;
  std::vector<EntryId> ids = from->Ids();
  if (to_graph) {
    to = std::make_shared<HnswIndex>(codec_, ids.size() + ids.size() / 4);
  } else {
    to = std::make_shared<FlatIndex>(codec_);
  }
  std::vector<Change> changes;
  changes.reserve(ids.size());
  for (const EntryId id : ids) {
    changes.push_back({.id = id, .added = true});
  }
  // Rounds beside the writers, until what they added meanwhile is little.
  while (true) {
    Replay(changes, *from, to.get());
    MutexLock writer(&write_mu_);
    changes.clear();
    std::swap(changes, changes_);
    if (changes.size() <= kLastRound) {
      Replay(changes, *from, to.get());
      moving_ = false;
      Put(std::move(to), to_graph);
      return;
    }
  }
}

void PartitionIndex::Serialize(std::string* out) const {
  // Writers wait meanwhile; searches do not.
  MutexLock writer(&write_mu_);
  const std::shared_ptr<VectorIndex> index = current();
  if (is_graph()) {
    PutFixed(out, Kind::kGraph);
    static_cast<const HnswIndex&>(*index).Serialize(out);
    return;
  }
  PutFixed(out, Kind::kFlat);
  std::vector<float> vector(codec_.dimension());
  for (const EntryId id : index->Ids()) {
    index->Reconstruct(id, vector);
    PutFixed(out, id.value);
    out->append(reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float));
  }
}

Status PartitionIndex::Deserialize(std::string_view bytes) {
  ByteReader reader(bytes);
  const auto kind = reader.Fixed<Kind>();
  if (kind == Kind::kGraph) {
    auto graph = std::make_shared<HnswIndex>(codec_);
    NEARHIT_RETURN_IF_ERROR(graph->Deserialize(bytes.substr(sizeof(Kind))));
    Put(std::move(graph), true);
    return Status();
  }
  const std::size_t entry_bytes = sizeof(std::uint64_t) + codec_.dimension() * sizeof(float);
  if (!reader.ok() || kind != Kind::kFlat || reader.remaining() % entry_bytes != 0) {
    return DataLoss("index snapshot has the wrong shape");
  }
  auto flat = std::make_shared<FlatIndex>(codec_);
  const Codec as_written(codec_.dimension(), codec_.metric(), Encoding::kFloat32);
  std::vector<float> vector(as_written.record_bytes() / sizeof(float));
  while (reader.remaining() > 0) {
    const EntryId id{reader.Fixed<std::uint64_t>()};
    const std::string_view components = reader.Raw(codec_.dimension() * sizeof(float));
    std::memcpy(vector.data(), components.data(), components.size());
    if (flat->Contains(id) || !as_written.IsSound(reinterpret_cast<std::byte*>(vector.data()))) {
      return DataLoss("index snapshot holds an id twice or a vector that is none");
    }
    NEARHIT_RETURN_IF_ERROR(flat->Add(id, VectorView(vector).first(codec_.dimension())));
  }
  Put(std::move(flat), false);
  return Status();
}

}  // namespace nearhit
