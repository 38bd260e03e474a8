#include "engine/collection/entry_searcher.h"

#include <algorithm>
#include <optional>

#include "engine/collection/stored_vectors.h"
#include "engine/collection/tag_matcher.h"
#include "index/distance.h"

namespace nearhit {

Result<std::vector<ScoredEntry>> EntrySearcher::Search(const ScopeRef& scope, VectorView query,
                                                       const CollectionSearch& search) const {
  const PartitionPtr& partition = scope.partition_;
  if (partition == nullptr || state_->options.dimension == 0) {
    return std::vector<ScoredEntry>();
  }
  StoredVectors vectors(state_->store, state_->options.ns, search.context.mode);
  SearchOptions options{.k = search.k,
                        .ef = search.ef,
                        .any_match = search.any_match,
                        .filter = nullptr,
                        .source = &vectors,
                        .deadline = search.context.deadline};
  if (search.min_score) {
    options.min_score = RawScore(state_->options.metric, *search.min_score);
  }
  // Expired entries leave the index a moment later than they leave the answers, and new ones come
  // there a moment earlier: look further when they have taken places.
  std::vector<EntryId> deleted;
  for (int repeats = 0;;) {
    vectors.BeginSearch();
    NEARHIT_ASSIGN_OR_RETURN(const std::vector<Neighbor> neighbors,
                             SearchPartition(partition->index, query, search, options));
    NEARHIT_RETURN_IF_ERROR(vectors.unread());
    // The entry that replaces it was not there yet when this search began.
    if (AnyDeleted(vectors.missing(), &deleted) && repeats++ < kMostRepeats) {
      continue;
    }
    std::vector<ScoredEntry> results = LiveResults(neighbors, search.k);
    if (results.size() == search.k || neighbors.size() + vectors.missing().size() < options.k ||
        options.k >= kMaxNeighbors) {
      if (search.damaged != nullptr) {
        *search.damaged = vectors.damaged();
      }
      return results;
    }
    options.k = std::min(options.k * 4, kMaxNeighbors);
    options.ef = 0;
  }
}

Result<std::vector<Neighbor>> EntrySearcher::SearchPartition(const VectorIndex& index,
                                                             VectorView query,
                                                             const CollectionSearch& search,
                                                             SearchOptions options) const {
  std::optional<TagMatcher> matcher;
  if (search.filter != nullptr && !search.filter->empty()) {
    matcher.emplace(state_->table.Matching(*search.filter));
    options.filter = &*matcher;
  }
  SearchStats stats{.plan = SearchPlan::kCompareMatching};
  std::vector<Neighbor> neighbors;
  if (!matcher || matcher->count() > 0) {
    NEARHIT_ASSIGN_OR_RETURN(neighbors, index.Search(query, options, &stats));
  }
  if (search.context.explanation != nullptr) {
    *search.context.explanation = {.plan = stats.plan,
                                   .entries = index.size(),
                                   .screened = stats.screened,
                                   .compared = stats.distances,
                                   .rescored = stats.rescored};
    if (matcher) {
      search.context.explanation->matching = matcher->count();
    }
  }
  return neighbors;
}

// `known` holds those that an earlier search met: whatever has taken their place was in the index
// when the last one began.
bool EntrySearcher::AnyDeleted(std::span<const EntryId> missing,
                               std::vector<EntryId>* known) const {
  bool any = false;
  for (const EntryId id : missing) {
    bool announced = false;
    state_->table.With(id, [&announced](const EntryState& state) { announced = state.announced; });
    if (!announced && std::find(known->begin(), known->end(), id) == known->end()) {
      known->push_back(id);
      any = true;
    }
  }
  return any;
}

std::vector<ScoredEntry> EntrySearcher::LiveResults(std::span<const Neighbor> neighbors,
                                                    std::size_t k) const {
  const std::int64_t now_us = state_->clock->NowMicros();
  std::vector<ScoredEntry> results;
  results.reserve(std::min(neighbors.size(), k));
  for (const Neighbor& neighbor : neighbors) {
    bool live = false;
    state_->table.With(
        neighbor.id, [&live, now_us](const EntryState& state) { live = !state.ExpiredAt(now_us); });
    if (live && results.size() < k) {
      results.push_back(
          {.id = neighbor.id, .score = UserScore(state_->options.metric, neighbor.score)});
    }
  }
  return results;
}

}  // namespace nearhit
