// The index of one partition: a flat scan while it is small, a graph from some tens of thousands of
// entries on, moved between the two beside searches and writes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "index/codec.h"
#include "index/vector_index.h"

namespace nearhit {

class PartitionIndex final : public VectorIndex {
 public:
  // Where a graph takes over, by docs/performance.md#scan-or-graph. For lookups of one match above
  // a threshold, which a graph answers soonest from 5,000 on: a scan is exact, takes less memory,
  // is filled without work, and costs 30 us here.
  static constexpr std::size_t kGraphThreshold = 20'000;
  // For searches of the nearest few: up to here a scan finds all of them in less time than a graph
  // takes for 99 of 100.
  static constexpr std::size_t kSearchGraphThreshold = 120'000;
  // Either way for vectors of few components, whose signs tell little: a scan takes six times as
  // long for each of them as for one of 384.
  static constexpr std::size_t kNarrowGraphThreshold = 5'000;
  static constexpr std::size_t ThresholdFor(std::size_t dimension, std::size_t threshold) {
    constexpr std::size_t kNarrow = 256;
    return dimension < kNarrow ? std::min(threshold, kNarrowGraphThreshold) : threshold;
  }

  PartitionIndex(std::size_t dimension, IndexMetric metric, Encoding encoding,
                 std::size_t graph_threshold = kGraphThreshold);

  Status Add(EntryId id, VectorView vector) override;
  bool Erase(EntryId id) override;
  bool Contains(EntryId id) const override { return current()->Contains(id); }
  std::vector<Neighbor> Search(VectorView query, const SearchOptions& options,
                               SearchStats* stats) const override {
    return current()->Search(query, options, stats);
  }
  std::vector<Neighbor> SearchAmong(VectorView query, std::span<const EntryId> ids,
                                    const SearchOptions& options,
                                    SearchStats* stats) const override {
    return current()->SearchAmong(query, ids, options, stats);
  }
  bool Reconstruct(EntryId id, std::span<float> out) const override {
    return current()->Reconstruct(id, out);
  }
  std::vector<EntryId> Ids() const override { return current()->Ids(); }
  std::size_t size() const override { return current()->size(); }
  std::size_t dimension() const override { return codec_.dimension(); }
  std::size_t memory_bytes() const override { return sizeof(*this) + current()->memory_bytes(); }

  const Codec& codec() const { return codec_; }
  bool is_graph() const;

  // Whether the other structure would serve better: a graph past the threshold, flat under a
  // quarter of it.
  bool NeedsMove() const;
  // Builds the other structure beside searches and writes and puts it in place. One call at a time.
  void Move();

  // What a first change after Deserialize would wait for; beside searches.
  void PrepareForWrites();

  // The contents as bytes, and back; see snapshot.h. Deserialize requires an index that nobody uses
  // yet.
  void Serialize(std::string* out) const;
  Status Deserialize(std::string_view bytes);

 private:
  struct Change {
    EntryId id;
    bool added = false;
  };

  std::shared_ptr<VectorIndex> current() const {
    ReaderLock lock(&current_mu_);
    return current_;
  }
  void Put(std::shared_ptr<VectorIndex> next, bool graph);
  void Replay(const std::vector<Change>& changes, const VectorIndex& from, VectorIndex* to) const;

  const Codec codec_;
  const std::size_t graph_threshold_;

  mutable Mutex write_mu_;  // writers take turns; searches never take it
  bool moving_ GUARDED_BY(write_mu_) = false;
  std::vector<Change> changes_ GUARDED_BY(write_mu_);  // since the move began

  mutable SharedMutex current_mu_;  // held for copying a pointer
  std::shared_ptr<VectorIndex> current_ GUARDED_BY(current_mu_);
  bool graph_ GUARDED_BY(current_mu_) = false;
};

}  // namespace nearhit
