// The index of one partition: a flat scan while it is small, a graph from some tens of thousands of
// entries on, moved between the two beside searches and writes. Vectors that are alike get a frame
// (codec.h), chosen by what they have in common.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "index/codec.h"
#include "index/flat_index.h"
#include "index/hnsw_index.h"
#include "index/vector_index.h"

namespace nearhit {

class PartitionIndex final : public VectorIndex {
 public:
  // Where a graph takes over, by docs/performance.md#scan-or-graph. For lookups of one match above
  // a threshold, which a graph answers soonest from 6,000 on: a scan is exact, takes less memory,
  // is filled without work, and costs 22 us here.
  static constexpr std::size_t kGraphThreshold = 20'000;
  // For searches of the nearest few: up to here a scan finds all of them in less time than a graph
  // takes for 994 of 1,000.
  static constexpr std::size_t kSearchGraphThreshold = 120'000;
  // Either way for vectors of few components, whose signs tell little: a scan takes six times as
  // long for each of them as for one of 384.
  static constexpr std::size_t kNarrow = 256;
  static constexpr std::size_t kNarrowGraphThreshold = 5'000;
  static constexpr std::size_t ThresholdFor(std::size_t dimension, std::size_t threshold) {
    return dimension < kNarrow ? std::min(threshold, kNarrowGraphThreshold) : threshold;
  }

  PartitionIndex(std::size_t dimension, IndexMetric metric, Encoding encoding,
                 std::size_t graph_threshold = kGraphThreshold);

  ~PartitionIndex() override;
  PartitionIndex(const PartitionIndex&) = delete;
  PartitionIndex& operator=(const PartitionIndex&) = delete;

  Status Add(EntryId id, VectorView vector) override;
  bool Erase(EntryId id) override;
  bool Contains(EntryId id) const override;
  Result<std::vector<Neighbor>> Search(VectorView query, const SearchOptions& options,
                                       SearchStats* stats) const override;
  Result<std::vector<Neighbor>> SearchAmong(VectorView query, std::span<const EntryId> ids,
                                            const SearchOptions& options,
                                            SearchStats* stats) const override;
  bool Reconstruct(EntryId id, std::span<float> out) const override;
  std::vector<EntryId> Ids() const override;
  std::size_t size() const override;
  std::size_t dimension() const override { return codec().dimension(); }
  std::size_t memory_bytes() const override;

  // Without a frame.
  const Codec& codec() const { return flat_.codec(); }
  bool is_graph() const { return active().is_graph(); }
  bool is_framed() const;

  // A graph that loses its own entries (HnswIndex::LosesEntries) serves only from here on: a scan
  // of so many takes a millisecond or less, and finds what there is.
  static constexpr std::size_t ScanAtMost(std::size_t dimension) {
    constexpr std::size_t kComponents = std::size_t{400'000} * 384;
    return dimension < kNarrow ? 40 * kNarrowGraphThreshold : kComponents / dimension;
  }

  // Whether the other structure would serve better: a graph past the threshold, flat under a
  // quarter of it, or where a graph fails. One that failed is tried again among twice as many.
  bool NeedsMove() const;
  // Builds the other structure beside searches and writes and puts it in place; once `stop` (which
  // may be null) is set, leaves things as they are soon. One call at a time, of this and TuneStep.
  // `source` has the vectors in full precision; without one, or for those that it does not have,
  // the codes of the old structure have to do, and so has its frame.
  void Move(const VectorSource* source = nullptr, const std::atomic<bool>* stop = nullptr);

  // A step of what an index that was loaded, or has grown, needs: for a graph, what its first
  // change would wait for, and how wide its walks have to be; for a scan, a better frame. Searches
  // go on. Returns whether to call again.
  bool TuneStep(const VectorSource* source = nullptr, const std::atomic<bool>* stop = nullptr);

  // The contents as bytes, and back; see snapshot.h. Deserialize requires an empty index that
  // nobody uses yet; on error it is empty still.
  void Serialize(std::string* out) const;
  Status Deserialize(std::string_view bytes);

 private:
  struct Change {
    EntryId id;
    bool added = false;
  };
  // What only a partition has that was large once; partition_index.cc.
  struct Migration;
  // A structure with the frame of its codes.
  struct Large {
    std::unique_ptr<const CodecShape> shape;  // null without a frame
    std::unique_ptr<FlatIndex> flat;          // one of the two
    std::unique_ptr<HnswIndex> graph;

    Large(bool is_graph, const Codec& plain, const Frame& frame, std::size_t capacity);
    VectorIndex& index() const;
  };
  // Which structure serves, and how many moves ended before it did.
  struct Active {
    std::shared_ptr<const Large> large;  // null: flat_ does
    std::uint64_t moves = 0;

    bool is_graph() const { return large != nullptr && large->graph != nullptr; }
    // `plain` when its codes have none.
    const Frame& FrameOr(const Frame& plain) const;
  };

  Active active() const;
  const VectorIndex& IndexOf(const Active& active) const;
  // Whether a scan should serve instead.
  bool GraphLosesEntries(const HnswIndex& graph) const;
  // Entries from which a graph is tried (again).
  std::size_t GraphFrom() const;
  template <typename Read>
  auto WithActive(Read&& read) const;
  // The one that is there, or a new one.
  Migration& MakeMigration() NEARHIT_REQUIRES(write_mu_);
  void Activate(std::shared_ptr<const Large> large) NEARHIT_REQUIRES(write_mu_);
  void MoveTo(bool graph, const Frame& frame, const VectorSource* source,
              const std::atomic<bool>* stop);
  bool Reframe(const VectorSource* source, const std::atomic<bool>* stop);
  void GiveUpMove() NEARHIT_EXCLUDES(write_mu_);

  // Small for those that are never moved: there may be 100,000 in a process.
  const std::uint32_t graph_threshold_;
  mutable SharedMutex write_mu_;  // held exclusively: writers take turns; searches never take it
  std::atomic<Migration*> migration_{nullptr};  // owned; made by the first move
  FlatIndex flat_;  // empty while another serves, but for what a move fills
};

}  // namespace nearhit
