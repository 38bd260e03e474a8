// HNSW for large partitions: a graph that is searched, extended and mended in place.
//
// Searches take no lock, but where entries share a node (copies.h) and where only a comparison of
// everything helps. One writer at a time works out a change beside them, then publishes it, list by
// list. Deletes are real: the node is unlinked, its neighbourhood mended and its slot used
// again when the searches that may be at it have ended, so memory and speed do not decay with
// turnover.
// Design: docs/architecture.md#index, docs/decisions/0002.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/coding.h"
#include "base/epoch.h"
#include "base/mutex.h"
#include "base/prefetch.h"
#include "index/breadth_tuner.h"
#include "index/codec.h"
#include "index/copies.h"
#include "index/graph_store.h"
#include "index/hnsw_search.h"
#include "index/link_editor.h"
#include "index/record_table.h"
#include "index/rescore.h"
#include "index/running_quantile.h"
#include "index/slot_map.h"
#include "index/vector_index.h"

namespace nearhit {

class HnswIndex final : public VectorIndex {
 public:
  explicit HnswIndex(const Codec& codec, std::size_t capacity = 16, std::uint64_t seed = 42);

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
  std::size_t size() const override { return size_.load(); }
  std::size_t dimension() const override { return codec_.dimension(); }
  std::size_t memory_bytes() const override;

  // Finds out what a graph does not know of itself: after it was loaded what changes need, half a
  // second for a million entries (the first change does it otherwise), and since it last grew how
  // far to walk, a millisecond a call. Beside searches; writers wait. Returns whether to call
  // again.
  bool Prepare();

  // Compares searches for the ten nearest of some entries with a comparison of all, and makes walks
  // wider, or more exact, until they find them. After the graph was built or loaded, and again when
  // it has doubled; a second for 150,000 entries, of which writers wait for a fiftieth at a time.
  // Ends early once `stop` (which may be null) is set. Returns whether there was anything to do.
  bool Calibrate(const std::atomic<bool>* stop = nullptr);

  // Whether the graph, as it is, does not find its own entries: nearly equal distances between them
  // lead nowhere. A scan does.
  bool FailsProbes() const { return tuner_.gives_up() || calibration_failed_.load(); }

  // How far a search for `k` candidates walks through so many entries. Scores in it are those of
  // the vectors, not of a frame.
  Breadth BreadthFor(const SearchOptions& options, std::size_t k, std::size_t entries) const;
  Breadth BreadthFor(const SearchOptions& options, std::size_t entries) const {
    return BreadthFor(options, options.k, entries);
  }

  // Oracles: what must always hold, and how many nodes a walk over level 0 from the entry does not
  // reach.
  Status CheckInvariants() const;
  std::size_t CountUnreachable() const;

  // The graph as bytes, without a checksum (snapshot.h adds it), and back. Deserialize requires
  // that nobody else uses the index yet, and trusts nothing: kDataLoss unless every count, level
  // and link is in bounds; the index is empty then.
  void Serialize(std::string* out) const;
  Status Deserialize(std::string_view bytes);

 private:
  struct FreeSlot {
    NodeId node;
    Epoch since;  // may be used again when the readers before it have left
  };

  auto IdOf() const {
    return [graph = graph_.get()](NodeId node) { return graph->Label(node).value; };
  }
  // Adding so many entries costs one probe, an eightieth of their time where walks are not wider.
  static constexpr std::uint64_t kAddsToAProbe = 8;
  static constexpr std::chrono::milliseconds kProbesOfACall{1};

  // hnsw_candidates.cc. What may be among the best k, for rescoring.
  class EntryFilter;
  std::vector<RoughNeighbor> CandidatesFor(const EncodedQuery& query, const SearchOptions& options,
                                           std::size_t k, SearchStats* stats) const;
  bool WalkWithFilter(const EncodedQuery& query, const SearchOptions& options, std::size_t k,
                      CandidateSet* set, SearchStats* stats) const;
  void CompareAll(const EncodedQuery& query, const SearchOptions& options, CandidateSet* set,
                  SearchStats* stats) const;
  void CompareAmong(const EncodedQuery& query, std::span<const EntryId> ids,
                    const SearchOptions& options, CandidateSet* set, SearchStats* stats) const;
  // How a walk ended: with what it looked for, with what it did not return as good as what it did,
  // or without coming to all nodes though it had room for them.
  enum class Ending : std::uint8_t { kComplete, kCutOff, kStuck };
  Ending WalkInto(const EncodedQuery& query, const SearchOptions& options, const Breadth& breadth,
                  CandidateSet* set, SearchStats* stats) const;
  ScoreRange Offer(const EncodedQuery& query, const GraphCandidate& candidate,
                   const IdFilter* filter, CandidateSet* set) const;
  bool ComparesMatching(std::uint64_t matching, std::size_t ef) const;

  // hnsw_breadth.cc. The best entries that a walk finds, best first. Requires of the first three:
  // in a ReadSection.
  std::vector<GraphCandidate> Nodes(const EncodedQuery& query, const SearchOptions& options,
                                    Breadth breadth, SearchStats* stats) const;
  std::vector<GraphCandidate> WalkFor(const EncodedQuery& query, const Breadth& breadth,
                                      FilteredWalk* filtered, SearchStats* stats) const;
  std::vector<GraphCandidate> WalkAgain(const EncodedQuery& query, const SearchOptions& options,
                                        Breadth breadth, std::vector<GraphCandidate> found,
                                        SearchStats* stats) const;
  Breadth InFrame(const EncodedQuery& query, Breadth breadth) const;
  float Beyond(float score) const;
  float EndOf(const EncodedQuery& query, std::span<const GraphCandidate> found,
              const SearchOptions& options) const;
  void Probe() NEARHIT_REQUIRES(write_mu_);

  // hnsw_calibrate.cc.
  struct Sample {
    std::size_t searched = 0;
    std::size_t found = 0;    // of the nearest, of all
    std::size_t cut_off = 0;  // whose walk ended among entries as good as the last
  };
  // Of one walk, for `nearest` neighbours of an entry; nothing when it hits none that will do.
  Sample Measure(Breadth breadth, std::size_t nearest) NEARHIT_REQUIRES(write_mu_);
  EncodedQuery SampleQuery(NodeId node) NEARHIT_REQUIRES(write_mu_);

  NodeId TakeSlot(EntryId id, int level) NEARHIT_REQUIRES(write_mu_);
  // What becomes of the record that is `query`, whose hash is `hash`; see HashOf.
  void AddNode(EntryId id, int level, const std::byte* record, const EncodedQuery& query,
               std::uint32_t hash) NEARHIT_REQUIRES(write_mu_);
  bool EraseEntry(EntryId id) NEARHIT_REQUIRES(write_mu_);
  void EraseNode(NodeId node) NEARHIT_REQUIRES(write_mu_);
  EntryPoint NextEntry(NodeId leaving) const NEARHIT_REQUIRES(write_mu_);
  // Of an entry; kNoNode. Requires: no writer but the caller, or a ReadSection, in which what is
  // found stays what it is.
  NodeId Find(EntryId id) const;
  void CountLevel(int level) NEARHIT_REQUIRES(write_mu_);
  void Reset() NEARHIT_REQUIRES(write_mu_, ids_mu_);
  bool ReadNodes(ByteReader* reader, std::uint64_t slots) NEARHIT_REQUIRES(write_mu_, ids_mu_);
  bool IsNewEntry(EntryId id) const NEARHIT_REQUIRES(ids_mu_);
  bool ReadEntries(ByteReader* reader, NodeId node) NEARHIT_REQUIRES(write_mu_, ids_mu_);

  const Codec codec_;

  mutable Mutex write_mu_;  // writers take turns; searches never take it
  std::deque<FreeSlot> free_ NEARHIT_GUARDED_BY(write_mu_);  // oldest first
  // [l]: how many nodes have l as their top level; the last is not 0.
  std::vector<std::size_t> level_counts_ NEARHIT_GUARDED_BY(write_mu_);
  std::unique_ptr<LinkEditor> editor_ NEARHIT_GUARDED_BY(write_mu_);

  // What readers look at in a ReadSection. Replaced by Deserialize only.
  std::unique_ptr<GraphStore> graph_;
  std::atomic<EntryPoint> entry_{EntryPoint{}};
  static_assert(std::atomic<EntryPoint>::is_always_lock_free);
  std::atomic<std::size_t> size_{0};

  mutable SharedMutex ids_mu_;  // held for finding, adding or taking out an id; not by Search
  SlotMap nodes_ NEARHIT_GUARDED_BY(ids_mu_);

  Copies copies_;
  RecordTable records_;  // changed with write_mu_

  // What Calibrate found out: how much wider walks for the nearest have to be, whether by whole
  // scores, and whether to look at what is as good as the last that a walk found.
  std::atomic<float> width_{1};
  std::atomic<bool> whole_scores_{false};
  std::atomic<bool> alike_{false};
  std::atomic<bool> calibration_failed_{false};
  std::size_t calibrated_at_ NEARHIT_GUARDED_BY(write_mu_) = 0;  // entries

  std::uint64_t added_ NEARHIT_GUARDED_BY(write_mu_) = 0;
  // Probes by Prepare since the last Add, and how low walks ended that were walked again then.
  std::uint64_t prepared_ NEARHIT_GUARDED_BY(write_mu_) = 0;
  // The threshold that was asked for, and the width, that those were for.
  std::pair<float, float> prepared_for_ NEARHIT_GUARDED_BY(write_mu_);
  float prepared_low_ NEARHIT_GUARDED_BY(write_mu_) = 0;
  std::minstd_rand random_ NEARHIT_GUARDED_BY(write_mu_);
  BreadthTuner tuner_;  // told of probes with write_mu_

  // What walks for near-duplicates ended at, as shares of what was asked for: the lowest of them,
  // and those that stayed far. Apart for .90 and more, of which the same end is a smaller share.
  struct Ends {
    RunningQuantile lowest;
    RunningQuantile far;
  };
  Ends& EndsFor(float asked) const { return ends_[asked >= .90F ? 1 : 0]; }
  // And what the last of them asked for; 0 before the first. In a cache line of their own: searches
  // write them.
  alignas(kCacheLine) mutable std::array<Ends, 2> ends_;
  mutable std::atomic<float> asked_{0};
};

}  // namespace nearhit
