// How a search walks through the whole graph: down from the entry point, over the lowest level by a
// plan, and once more where it may have lost its way.
#pragma once

#include <atomic>
#include <vector>

#include "index/codec.h"
#include "index/graph_store.h"
#include "index/hnsw_search.h"
#include "index/record_table.h"
#include "index/vector_index.h"
#include "index/walk_planner.h"
#include "index/walk_tuner.h"

namespace nearhit {

// A view of a graph; cheap to make, and valid as long as what it points to. Walks return the best
// nodes that they find, best first. Plans have their scores in the frame of the query.
//
// Thread-safety: constant. Requires of walks: in a ReadSection, or no writer but the caller.
class GraphWalker {
 public:
  GraphWalker(const GraphStore* graph, const std::atomic<EntryPoint>* entry,
              const RecordTable* records, const WalkPlanner* planner, WalkTuner* tuner)
      : graph_(graph), entry_(entry), records_(records), planner_(planner), tuner_(tuner) {}

  const GraphStore& graph() const { return *graph_; }
  const WalkPlanner& planner() const { return *planner_; }
  WalkTuner& tuner() const { return *tuner_; }
  EntryPoint entry() const { return entry_->load(); }

  // One walk. `filtered` may be null.
  std::vector<GraphCandidate> Walk(const EncodedQuery& query, const WalkPlan& plan,
                                   FilteredWalk* filtered, SearchStats* stats) const;
  // A walk for what `options` ask for, repeated when the plan and the tuner say so; the tuner
  // learns from it.
  std::vector<GraphCandidate> Search(const EncodedQuery& query, const SearchOptions& options,
                                     const WalkPlan& plan, SearchStats* stats) const;
  // What Search would find; the tuner learns nothing. Requires: the graph is not empty.
  std::vector<GraphCandidate> Rehearse(const EncodedQuery& query, const SearchOptions& options,
                                       const WalkPlan& plan, SearchStats* stats) const;

 private:
  float EndOf(const EncodedQuery& query, const std::vector<GraphCandidate>& found,
              const SearchOptions& options) const {
    return planner_->EndOf(query, found.front().score, options);
  }
  std::vector<GraphCandidate> WalkAgain(const EncodedQuery& query, const SearchOptions& options,
                                        WalkPlan plan, std::vector<GraphCandidate> found,
                                        SearchStats* stats) const;

  const GraphStore* const graph_;
  const std::atomic<EntryPoint>* const entry_;
  const RecordTable* const records_;
  const WalkPlanner* const planner_;
  WalkTuner* const tuner_;
};

}  // namespace nearhit
