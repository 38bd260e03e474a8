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

struct PartitionIndex::Moves {
  mutable SharedMutex mu;  // held for copying a pointer
  Current current NEARHIT_GUARDED_BY(mu);

  // Entries from which a graph is tried again; 0: none has failed.
  std::atomic<std::size_t> scan_below{0};
  // Entries when the frame was chosen last.
  std::atomic<std::size_t> framed_at{0};

  // Guarded by write_mu_.
  bool moving = false;
  std::vector<Change> changes;  // since the move began
};

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

const VectorIndex& PartitionIndex::Serving(const Current& current) const {
  return current.large != nullptr ? current.large->index() : static_cast<const VectorIndex&>(flat_);
}

const Frame& PartitionIndex::FrameOf(const Current& current) const {
  if (current.large == nullptr || current.large->shape == nullptr) {
    return codec().frame();
  }
  return current.large->shape->frame;
}

bool PartitionIndex::is_framed() const {
  return !FrameOf(current()).centre.empty();
}

// What `read` finds in the structure that serves. One that is replaced meanwhile stays as it was,
// but flat_ may have been emptied below `read`, and then the other is asked.
template <typename Read>
auto PartitionIndex::Ask(Read&& read) const {
  while (true) {
    const Current asked = current();
    auto answer = read(Serving(asked));
    if (asked.large != nullptr || current().moves == asked.moves) {
      return answer;
    }
  }
}

bool PartitionIndex::Contains(EntryId id) const {
  return Ask([id](const VectorIndex& index) { return index.Contains(id); });
}

Result<std::vector<Neighbor>> PartitionIndex::Search(VectorView query, const SearchOptions& options,
                                                     SearchStats* stats) const {
  return Ask([&](const VectorIndex& index) { return index.Search(query, options, stats); });
}

Result<std::vector<Neighbor>> PartitionIndex::SearchAmong(VectorView query,
                                                          std::span<const EntryId> ids,
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
         (now.large != nullptr ? now.large->index().memory_bytes() : 0);
}

Status PartitionIndex::Add(EntryId id, VectorView vector) {
  WriterLock writer(&write_mu_);
  const Current now = current();
  NEARHIT_RETURN_IF_ERROR(now.large != nullptr ? now.large->index().Add(id, vector)
                                               : flat_.Add(id, vector));
  Record({.id = id, .added = true});
  return Status();
}

bool PartitionIndex::Erase(EntryId id) {
  WriterLock writer(&write_mu_);
  const Current now = current();
  const bool erased = now.large != nullptr ? now.large->index().Erase(id) : flat_.Erase(id);
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
  return graph.LosesEntries() && graph.size() < (GraphFrom() > graph_threshold_ ? most / 2 : most);
}

std::size_t PartitionIndex::GraphFrom() const {
  const Moves* const moves = moves_.load(std::memory_order_acquire);
  return std::max<std::size_t>(graph_threshold_, moves == nullptr ? 0 : moves->scan_below.load());
}

bool PartitionIndex::NeedsMove() const {
  const std::size_t entries = size();
  const Current now = current();
  return IsGraph(now) ? entries < graph_threshold_ / 4 || Fails(*now.large->graph)
                      : entries >= GraphFrom();
}

bool PartitionIndex::Prepare(const VectorSource* source, const std::atomic<bool>* stop) {
  const Current now = current();
  if (!IsGraph(now)) {
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
    Moves& moves = MakeMoves();
    if (entries < 2 * moves.framed_at.load()) {
      return false;
    }
    moves.framed_at = entries;
  }
  const Current now = current();
  const std::optional<Frame> frame =
      BetterFrame(dimension(), Serving(now).Ids(), *source, FrameOf(now));
  if (!frame) {
    return false;
  }
  MoveTo(/*graph=*/false, *frame, source, stop);
  return true;
}

PartitionIndex::Moves& PartitionIndex::MakeMoves() {
  if (moves_.load() == nullptr) {
    moves_.store(new Moves);
  }
  return *moves_.load();
}

void PartitionIndex::Put(std::shared_ptr<const Large> large) {
  Moves& moves = MakeMoves();
  WriterLock lock(&moves.mu);
  std::swap(moves.current.large, large);  // the old one goes with the last search that uses it
  ++moves.current.moves;
}

std::shared_ptr<const PartitionIndex::Large> PartitionIndex::MakeLarge(bool graph,
                                                                       const Frame& frame,
                                                                       std::size_t capacity) const {
  auto large = std::make_shared<Large>();
  if (!frame.centre.empty()) {
    large->shape = std::make_unique<const CodecShape>(codec().dimension(), codec().metric(),
                                                      codec().encoding(), frame);
  }
  const Codec framed = large->shape != nullptr ? Codec(large->shape.get()) : codec();
  if (graph) {
    large->graph = std::make_unique<HnswIndex>(framed, capacity);
  } else {
    large->flat = std::make_unique<FlatIndex>(framed);
  }
  return large;
}

bool PartitionIndex::Replay(const std::vector<Change>& changes, const VectorIndex& from,
                            const VectorSource* source, VectorIndex* to,
                            const std::atomic<bool>* stop) const {
  std::vector<float> vector(codec().dimension());
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
  Moves& moves = MakeMoves();
  moves.moving = false;
  moves.changes = {};
  if (current().large != nullptr) {
    flat_.Clear();  // what the move had filled
  }
}

void PartitionIndex::Move(const VectorSource* source, const std::atomic<bool>* stop) {
  const Current now = current();
  Frame frame = FrameOf(now);
  if (source != nullptr && codec().encoding() == Encoding::kInt8) {
    frame = BetterFrame(dimension(), Serving(now).Ids(), *source, frame).value_or(frame);
  }
  MoveTo(!IsGraph(now), frame, source, stop);
}

void PartitionIndex::MoveTo(bool graph, const Frame& frame, const VectorSource* source,
                            const std::atomic<bool>* stop) {
  const Current now = current();
  {
    WriterLock writer(&write_mu_);
    Moves& moves = MakeMoves();
    moves.moving = true;
    moves.changes.clear();
  }
  const VectorIndex& from = Serving(now);
  const std::vector<EntryId> ids = from.Ids();
  std::shared_ptr<const Large> large;
  if (graph || !frame.centre.empty()) {
    large = MakeLarge(graph, frame, ids.size() + ids.size() / 4);
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
    if (!Replay(changes, from, source, to, stop)) {
      GiveUpMove();
      return;
    }
    WriterLock writer(&write_mu_);
    Moves& moves = MakeMoves();
    changes.clear();
    std::swap(changes, moves.changes);
    if (changes.size() <= kLastRound) {
      Replay(changes, from, source, to, /*stop=*/nullptr);
      moves.moving = false;
      moves.changes.shrink_to_fit();
      if (IsGraph(now) && Fails(*now.large->graph)) {
        moves.scan_below = std::min(2 * to->size(), ScanAtMost(dimension()));
      }
      Put(std::move(large));
      break;
    }
  }
  if (now.large == nullptr) {
    flat_.Clear();
  }
}

}  // namespace nearhit
