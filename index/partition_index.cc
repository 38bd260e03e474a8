#include "index/partition_index.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "index/frame.h"

namespace nearhit {

namespace {
// Changes left for the last round of a move, during which writers wait.
constexpr std::size_t kLastRound = 64;
// Fewer vectors are all compared in full precision soon enough, whatever their codes say.
constexpr std::size_t kFramed = 64;
}  // namespace

struct PartitionIndex::Migration {
  // Notes the change for the move under way, if there is one; `migration` may be null.
  static void Log(Migration* migration, const Change& change) {
    if (migration != nullptr && migration->moving) {
      migration->changes.push_back(change);
    }
  }
  // Has `to` follow `from`: takes in the changes, with vectors of `source` where it has them. False
  // when `stop` (which may be null) was set before the end.
  static bool Replay(const std::vector<Change>& changes, const VectorIndex& from,
                     const VectorSource* source, VectorIndex* to, const std::atomic<bool>* stop);

  mutable SharedMutex mu;  // held for copying a pointer
  Active active NEARHIT_GUARDED_BY(mu);

  // Entries from which a graph is tried again; 0: none has failed.
  std::atomic<std::size_t> scan_below{0};
  // Entries when the frame was chosen last.
  std::atomic<std::size_t> framed_at{0};

  // Guarded by write_mu_.
  bool moving = false;
  std::vector<Change> changes;  // since the move began
};

PartitionIndex::Large::Large(bool is_graph, const Codec& plain, const Frame& frame,
                             std::size_t capacity) {
  if (!frame.centre.empty()) {
    shape = std::make_unique<const CodecShape>(plain.dimension(), plain.metric(), plain.encoding(),
                                               frame);
  }
  const Codec framed = shape != nullptr ? Codec(shape.get()) : plain;
  if (is_graph) {
    graph = std::make_unique<HnswIndex>(framed, capacity);
  } else {
    flat = std::make_unique<FlatIndex>(framed);
  }
}

VectorIndex& PartitionIndex::Large::index() const {
  return graph != nullptr ? static_cast<VectorIndex&>(*graph) : *flat;
}

PartitionIndex::PartitionIndex(std::size_t dimension, IndexMetric metric, Encoding encoding,
                               std::size_t graph_threshold)
    : graph_threshold_(static_cast<std::uint32_t>(
          std::min<std::size_t>(graph_threshold, std::numeric_limits<std::uint32_t>::max()))),
      flat_(Codec(dimension, metric, encoding)) {
}

PartitionIndex::~PartitionIndex() {
  delete migration_.load();
}

PartitionIndex::Active PartitionIndex::active() const {
  const Migration* const migration = migration_.load(std::memory_order_acquire);
  if (migration == nullptr) {
    return {};
  }
  ReaderLock lock(&migration->mu);
  return migration->active;
}

const VectorIndex& PartitionIndex::IndexOf(const Active& active) const {
  return active.large != nullptr ? active.large->index() : static_cast<const VectorIndex&>(flat_);
}

const Frame& PartitionIndex::Active::FrameOr(const Frame& plain) const {
  return large == nullptr || large->shape == nullptr ? plain : large->shape->frame;
}

bool PartitionIndex::is_framed() const {
  return !active().FrameOr(codec().frame()).centre.empty();
}

// What `read` finds in the structure that serves. One that is replaced meanwhile stays as it was,
// but flat_ may have been emptied below `read`, and then the other is asked.
template <typename Read>
auto PartitionIndex::WithActive(Read&& read) const {
  while (true) {
    const Active asked = active();
    auto answer = read(IndexOf(asked));
    if (asked.large != nullptr || active().moves == asked.moves) {
      return answer;
    }
  }
}

bool PartitionIndex::Contains(EntryId id) const {
  return WithActive([id](const VectorIndex& index) { return index.Contains(id); });
}

Result<std::vector<Neighbor>> PartitionIndex::Search(VectorView query, const SearchOptions& options,
                                                     SearchStats* stats) const {
  return WithActive([&](const VectorIndex& index) { return index.Search(query, options, stats); });
}

Result<std::vector<Neighbor>> PartitionIndex::SearchAmong(VectorView query,
                                                          std::span<const EntryId> ids,
                                                          const SearchOptions& options,
                                                          SearchStats* stats) const {
  return WithActive(
      [&](const VectorIndex& index) { return index.SearchAmong(query, ids, options, stats); });
}

bool PartitionIndex::Reconstruct(EntryId id, std::span<float> out) const {
  return WithActive([&](const VectorIndex& index) { return index.Reconstruct(id, out); });
}

std::vector<EntryId> PartitionIndex::Ids() const {
  return WithActive([](const VectorIndex& index) { return index.Ids(); });
}

std::size_t PartitionIndex::size() const {
  return WithActive([](const VectorIndex& index) { return index.size(); });
}

std::size_t PartitionIndex::memory_bytes() const {
  const Active now = active();
  return sizeof(*this) - sizeof(flat_) + flat_.memory_bytes() +
         (now.moves > 0 ? sizeof(Migration) : 0) +
         (now.large != nullptr ? now.large->index().memory_bytes() : 0);
}

Status PartitionIndex::Add(EntryId id, VectorView vector) {
  WriterLock writer(&write_mu_);
  const Active now = active();
  NEARHIT_RETURN_IF_ERROR(now.large != nullptr ? now.large->index().Add(id, vector)
                                               : flat_.Add(id, vector));
  Migration::Log(migration_.load(), {.id = id, .added = true});
  return Status();
}

bool PartitionIndex::Erase(EntryId id) {
  WriterLock writer(&write_mu_);
  const Active now = active();
  const bool erased = now.large != nullptr ? now.large->index().Erase(id) : flat_.Erase(id);
  if (erased) {
    Migration::Log(migration_.load(), {.id = id, .added = false});
  }
  return erased;
}

// Once one has failed, the next one serves down to half as many: entries come and go around a
// limit.
bool PartitionIndex::GraphLosesEntries(const HnswIndex& graph) const {
  const std::size_t most = ScanAtMost(dimension());
  return graph.LosesEntries() && graph.size() < (GraphFrom() > graph_threshold_ ? most / 2 : most);
}

std::size_t PartitionIndex::GraphFrom() const {
  const Migration* const migration = migration_.load(std::memory_order_acquire);
  return std::max<std::size_t>(graph_threshold_,
                               migration == nullptr ? 0 : migration->scan_below.load());
}

bool PartitionIndex::NeedsMove() const {
  const std::size_t entries = size();
  const Active now = active();
  return now.is_graph() ? entries < graph_threshold_ / 4 || GraphLosesEntries(*now.large->graph)
                        : entries >= GraphFrom();
}

bool PartitionIndex::TuneStep(const VectorSource* source, const std::atomic<bool>* stop) {
  const Active now = active();
  if (!now.is_graph()) {
    return source != nullptr && Reframe(source, stop);
  }
  if (now.large->graph->Calibrate(stop)) {
    return true;
  }
  WriterLock writer(&write_mu_);
  now.large->graph->BuildReverseLinks();
  return now.large->graph->ProbeStep();
}

// Looks for a frame among 64 entries, and again among twice as many. Returns whether the scan got
// another one.
bool PartitionIndex::Reframe(const VectorSource* source, const std::atomic<bool>* stop) {
  const std::size_t entries = size();
  if (entries < kFramed || codec().encoding() != Encoding::kInt8) {
    return false;
  }
  {
    WriterLock writer(&write_mu_);
    Migration& migration = MakeMigration();
    if (entries < 2 * migration.framed_at.load()) {
      return false;
    }
    migration.framed_at = entries;
  }
  const Active now = active();
  const std::optional<Frame> frame =
      BetterFrame(dimension(), IndexOf(now).Ids(), *source, now.FrameOr(codec().frame()));
  if (!frame) {
    return false;
  }
  MoveTo(/*graph=*/false, *frame, source, stop);
  return true;
}

PartitionIndex::Migration& PartitionIndex::MakeMigration() {
  if (migration_.load() == nullptr) {
    migration_.store(new Migration);
  }
  return *migration_.load();
}

void PartitionIndex::Activate(std::shared_ptr<const Large> large) {
  Migration& migration = MakeMigration();
  WriterLock lock(&migration.mu);
  std::swap(migration.active.large, large);  // the old one goes with the last search that uses it
  ++migration.active.moves;
}

bool PartitionIndex::Migration::Replay(const std::vector<Change>& changes, const VectorIndex& from,
                                       const VectorSource* source, VectorIndex* to,
                                       const std::atomic<bool>* stop) {
  std::vector<float> vector(to->dimension());
  for (const Change& change : changes) {
    if (stop != nullptr && stop->load(std::memory_order_relaxed)) {
      return false;
    }
    if (!change.added) {
      to->Erase(change.id);
    } else if ((source != nullptr && source->Load(change.id, vector)) ||
               from.Reconstruct(change.id, vector)) {  // or erased since: later in the list
      to->Add(change.id, vector)
          .IgnoreError();  // fails at 2^31 entries, which `from` did not reach
    }
  }
  return true;
}

void PartitionIndex::GiveUpMove() {
  WriterLock writer(&write_mu_);
  Migration& migration = MakeMigration();
  migration.moving = false;
  migration.changes = {};
  if (active().large != nullptr) {
    flat_.Clear();  // what the move had filled
  }
}

void PartitionIndex::Move(const VectorSource* source, const std::atomic<bool>* stop) {
  const Active now = active();
  Frame frame = now.FrameOr(codec().frame());
  if (source != nullptr && codec().encoding() == Encoding::kInt8) {
    frame = BetterFrame(dimension(), IndexOf(now).Ids(), *source, frame).value_or(frame);
  }
  MoveTo(!now.is_graph(), frame, source, stop);
}

void PartitionIndex::MoveTo(bool graph, const Frame& frame, const VectorSource* source,
                            const std::atomic<bool>* stop) {
  const Active now = active();
  {
    WriterLock writer(&write_mu_);
    Migration& migration = MakeMigration();
    migration.moving = true;
    migration.changes.clear();
  }
  const VectorIndex& from = IndexOf(now);
  const std::vector<EntryId> ids = from.Ids();
  std::shared_ptr<const Large> large;
  if (graph || !frame.centre.empty()) {
    large = std::make_shared<Large>(graph, codec(), frame, ids.size() + ids.size() / 4);
  } else {
    flat_.Clear();  // what a move left that failed for want of memory
  }
  VectorIndex* const to = large != nullptr ? &large->index() : &flat_;
  std::vector<Change> changes;
  changes.reserve(ids.size());
  for (const EntryId id : ids) {
    changes.push_back({.id = id, .added = true});
  }
  // Rounds beside the writers, until what they added meanwhile is little.
  while (true) {
    if (!Migration::Replay(changes, from, source, to, stop)) {
      GiveUpMove();
      return;
    }
    WriterLock writer(&write_mu_);
    Migration& migration = MakeMigration();
    changes.clear();
    std::swap(changes, migration.changes);
    if (changes.size() <= kLastRound) {
      Migration::Replay(changes, from, source, to, /*stop=*/nullptr);
      migration.moving = false;
      migration.changes.shrink_to_fit();
      if (now.is_graph() && GraphLosesEntries(*now.large->graph)) {
        migration.scan_below = std::min(2 * to->size(), ScanAtMost(dimension()));
      }
      Activate(std::move(large));
      break;
    }
  }
  if (now.large == nullptr) {
    flat_.Clear();
  }
}

}  // namespace nearhit
