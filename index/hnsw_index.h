// HNSW for large partitions: a graph that is searched, extended and mended in place.
//
// Searches take no lock, but where entries share a node (copies.h) and where only a comparison of
// everything helps. One writer at a time works out a change beside them, then publishes it, list by
// list. Deletes are real: the node is unlinked, its neighbourhood mended and its slot used
// again when the searches that may be at it have ended, so memory and speed do not decay with
// turnover.
// Design: docs/architecture.md#index, docs/decisions/0002.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/coding.h"
#include "base/epoch.h"
#include "base/mutex.h"
#include "index/codec.h"
#include "index/copies.h"
#include "index/graph_prober.h"
#include "index/graph_store.h"
#include "index/graph_walker.h"
#include "index/hnsw_search.h"
#include "index/level_counts.h"
#include "index/link_editor.h"
#include "index/record_table.h"
#include "index/slot_map.h"
#include "index/vector_index.h"
#include "index/walk_planner.h"
#include "index/walk_tuner.h"

namespace nearhit {

class HnswIndex final : public VectorIndex {
 public:
  // The top level of each new node, 0..32. Called by one writer at a time.
  using LevelSource = std::function<int()>;

  // Without `levels`: random ones, distributed as in the HNSW paper.
  explicit HnswIndex(const Codec& codec, std::size_t capacity = 16, LevelSource levels = {});

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

  // Makes what changes need and a graph that was loaded does not have: half a second for a million
  // entries. The first change does it otherwise. Searches go on; writers wait, as for ProbeStep.
  void BuildReverseLinks();

  // Finds out how far to walk for near-duplicates since the graph last grew; see
  // GraphProber::ProbeSome. Takes a millisecond. Returns whether to call again.
  bool ProbeStep();

  // Compares searches for the ten nearest of some entries with a comparison of all, and makes walks
  // wider, or more exact, until they find them. After the graph was built or loaded, and again when
  // it has doubled; a second for 150,000 entries, of which writers wait for a fiftieth at a time.
  // Ends early once `stop` (which may be null) is set. Returns whether there was anything to do.
  bool Calibrate(const std::atomic<bool>* stop = nullptr);

  // See WalkTuner.
  bool LosesEntries() const { return tuner_.LosesEntries(); }

  // How far a search walks through so many entries, by what the graph has observed.
  WalkPlan PlanFor(const SearchOptions& options, std::size_t entries) const {
    return planner_.Plan(options, options.k, entries, tuner_.Observations());
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
  class Query;  // a search on its way; hnsw_query.cc

  struct FreeSlot {
    NodeId node;
    Epoch since;  // may be used again when the readers before it have left
  };

  auto IdOf() const {
    return [graph = graph_.get()](NodeId node) { return graph->Label(node).value; };
  }
  static constexpr std::uint64_t kLevelSeed = 42;

  GraphWalker walker() const { return {graph_.get(), &entry_, &records_, &planner_, &tuner_}; }

  NodeId TakeSlot(EntryId id, int level) NEARHIT_REQUIRES(write_mu_);
  // What becomes of the record that is `query`, whose hash is `hash`; see HashOf.
  void AddNode(EntryId id, int level, const std::byte* record, const EncodedQuery& query,
               std::uint32_t hash) NEARHIT_REQUIRES(write_mu_);
  bool EraseEntry(EntryId id) NEARHIT_REQUIRES(write_mu_);
  void EraseNode(NodeId node) NEARHIT_REQUIRES(write_mu_);
  // Of an entry; kNoNode. Requires: no writer but the caller, or a ReadSection, in which what is
  // found stays what it is.
  NodeId Find(EntryId id) const;
  void Reset() NEARHIT_REQUIRES(write_mu_, ids_mu_);
  bool ReadNodes(ByteReader* reader, std::uint64_t slots) NEARHIT_REQUIRES(write_mu_, ids_mu_);
  bool IsNewEntry(EntryId id) const NEARHIT_REQUIRES(ids_mu_);
  bool ReadEntries(ByteReader* reader, NodeId node) NEARHIT_REQUIRES(write_mu_, ids_mu_);

  const Codec codec_;
  const LevelSource level_source_;

  mutable Mutex write_mu_;  // writers take turns; searches never take it
  std::deque<FreeSlot> free_ NEARHIT_GUARDED_BY(write_mu_);  // oldest first
  LevelCounts levels_ NEARHIT_GUARDED_BY(write_mu_);
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

  const WalkPlanner planner_;
  GraphProber prober_ NEARHIT_GUARDED_BY(write_mu_);
  std::size_t calibrated_at_ NEARHIT_GUARDED_BY(write_mu_) = 0;  // entries
  mutable WalkTuner tuner_;                                      // searches teach it
};

}  // namespace nearhit
