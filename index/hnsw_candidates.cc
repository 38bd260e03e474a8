// HnswIndex: what a search compares. A walk, a walk with a filter, the entries that pass a filter,
// or all of them.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/prefetch.h"
#include "index/hnsw_index.h"
#include "index/rescore.h"

namespace nearhit {

namespace {
bool KnowsIds(const IdFilter& filter) {
  return filter.count() != std::numeric_limits<std::uint64_t>::max();
}
}  // namespace

// A node passes when one of its entries does.
class HnswIndex::EntryFilter final : public NodeFilter {
 public:
  EntryFilter(const HnswIndex* index, const IdFilter* filter) : index_(index), filter_(filter) {}

  bool Accepts(NodeId node) const override {
    bool accepted = false;
    index_->copies_.ForEach(node, index_->graph_->Label(node),
                            [&](EntryId id, std::uint32_t /*fingerprint*/) {
                              accepted = accepted || filter_->Accepts(id);
                            });
    return accepted;
  }

 private:
  const HnswIndex* const index_;
  const IdFilter* const filter_;
};

Result<std::vector<Neighbor>> HnswIndex::Search(VectorView query, const SearchOptions& options,
                                                SearchStats* stats) const {
  NEARHIT_CHECK(query.size() == codec_.dimension() && options.k >= 1);
  if (options.filter != nullptr && KnowsIds(*options.filter) &&
      ComparesMatching(options.filter->count(), BreadthFor(options, size()).ef)) {
    SearchOptions among = options;
    among.filter = nullptr;  // these are what it accepts
    return SearchAmong(query, options.filter->Ids(), among, stats);
  }
  const EncodedQuery encoded = codec_.EncodeQuery(query);
  return SearchAndRescore(codec_, query, encoded, options, stats,
                          [&](std::size_t k) { return CandidatesFor(encoded, options, k, stats); });
}

// A walk meets one that passes among size() / matching, and needs ef of them.
bool HnswIndex::ComparesMatching(std::uint64_t matching, std::size_t ef) const {
  constexpr double kDistancesANode = 8;  // new ones, and what a filter costs
  const auto entries = static_cast<double>(std::max<std::size_t>(1, size()));
  const double count = std::min(static_cast<double>(matching), entries);
  const double share = count / entries;
  return count * share < kDistancesANode * static_cast<double>(ef);
}

ScoreRange HnswIndex::Offer(const EncodedQuery& query, const GraphCandidate& candidate,
                            const IdFilter* filter, CandidateSet* set) const {
  const ScoreRange range = codec_.RangeOf(query, graph_->Record(candidate.node), candidate.score);
  copies_.ForEach(
      candidate.node, graph_->Label(candidate.node), [&](EntryId id, std::uint32_t fingerprint) {
        if (filter == nullptr || filter->Accepts(id)) {
          set->Offer(
              {.id = id, .score = candidate.score, .range = range, .fingerprint = fingerprint});
        }
      });
  return range;
}

std::vector<RoughNeighbor> HnswIndex::CandidatesFor(const EncodedQuery& query,
                                                    const SearchOptions& options, std::size_t k,
                                                    SearchStats* stats) const {
  const float least = LeastScore(query, options);
  if (options.filter != nullptr) {
    CandidateSet set(k, least);
    stats->plan = SearchPlan::kFilteredWalk;
    if (!WalkWithFilter(query, options, k, &set, stats)) {
      stats->plan = SearchPlan::kWalkThenCompare;
      set = CandidateSet(k, least);
      CompareAll(query, options, &set, stats);
    }
    return set.Take();
  }
  constexpr float kNone = std::numeric_limits<float>::infinity();
  stats->plan = SearchPlan::kWalk;
  Breadth breadth = BreadthFor(options, k, size());
  for (;;) {
    CandidateSet set(k, least);
    const Ending ending = WalkInto(query, options, breadth, &set, stats);
    if (ending == Ending::kComplete) {
      return set.Take();
    }
    if (options.IsLate()) {
      return {};
    }
    if (ending == Ending::kStuck || 2 * breadth.ef >= size()) {
      break;
    }
    breadth.ef *= 4;
    breadth.near = kNone;
    breadth.enough = kNone;
  }
  stats->plan = SearchPlan::kWalkThenCompare;
  CandidateSet set(k, least);
  CompareAll(query, options, &set, stats);
  return set.Take();
}

HnswIndex::Ending HnswIndex::WalkInto(const EncodedQuery& query, const SearchOptions& options,
                                      const Breadth& breadth, CandidateSet* set,
                                      SearchStats* stats) const {
  constexpr int kFarInARow = 4;  // ranges differ in width: the next one may reach a little higher
  const ReadSection section;
  const std::vector<GraphCandidate> nodes = Nodes(query, options, breadth, stats);
  const bool ended = nodes.size() < breadth.ef;
  const bool whole = options.any_match || nodes.size() + copies_.size() >= size();
  if (ended && !whole) {
    return Ending::kStuck;
  }
  int far = 0;
  for (const GraphCandidate& node : nodes) {
    const float high = Offer(query, node, nullptr, set).high;
    far = high < set->limit() ? far + 1 : 0;
    if (far == kFarInARow) {
      return Ending::kComplete;
    }
  }
  const bool looks = options.ef == 0 || alike_.load(std::memory_order_relaxed);
  return !ended && far == 0 && looks ? Ending::kCutOff : Ending::kComplete;
}

// False when all have to be compared: the walk found too few of those that pass, or looked at too
// many others.
bool HnswIndex::WalkWithFilter(const EncodedQuery& query, const SearchOptions& options,
                               std::size_t k, CandidateSet* set, SearchStats* stats) const {
  const std::size_t entries = std::max<std::size_t>(1, size());
  const auto matching = std::min<std::uint64_t>(options.filter->count(), entries);
  Breadth breadth = InFrame(query, BreadthFor(options, k, entries));
  const double share = static_cast<double>(matching) / static_cast<double>(entries);
  const double wanted = static_cast<double>(breadth.ef) / share;
  const EntryFilter filter(this, options.filter);
  // A quarter of what comparing all that match takes, or four times what is expected.
  constexpr double kDistancesANode = 16;
  FilteredWalk walk{.filter = &filter,
                    .pool = std::min(entries, static_cast<std::size_t>(2 * wanted) + breadth.ef),
                    .max_distances = static_cast<std::uint64_t>(
                        std::max(kDistancesANode * wanted, static_cast<double>(matching) / 4)),
                    .options = &options};
  const ReadSection section;
  const std::vector<GraphCandidate> nodes = WalkFor(query, breadth, &walk, stats);
  for (const GraphCandidate& node : nodes) {
    Offer(query, node, options.filter, set);
  }
  return !walk.gave_up && nodes.size() >= std::min<std::size_t>(breadth.ef, matching) &&
         (set->full() || options.min_score > -std::numeric_limits<float>::infinity());
}

// Writers wait: nodes come and go with them.
void HnswIndex::CompareAll(const EncodedQuery& query, const SearchOptions& options,
                           CandidateSet* set, SearchStats* stats) const {
  if (options.filter != nullptr && KnowsIds(*options.filter)) {
    SearchOptions among = options;
    among.filter = nullptr;  // these are what it accepts
    CompareAmong(query, options.filter->Ids(), among, set, stats);
    return;
  }
  MutexLock writer(&write_mu_);
  for (NodeId node = 0; node < graph_->slots(); ++node) {
    if (node % kBetweenClocks == 0 && options.IsLate()) {
      return;
    }
    if (graph_->LevelOf(node) >= 0) {
      ++stats->distances;
      Offer(query, {.score = codec_.Score(query, graph_->Record(node)), .node = node},
            options.filter, set);
    }
  }
}

void HnswIndex::CompareAmong(const EncodedQuery& query, std::span<const EntryId> ids,
                             const SearchOptions& options, CandidateSet* set,
                             SearchStats* stats) const {
  constexpr std::size_t kTogether = 16;  // records on their way from memory
  const ReadSection section;
  std::array<std::pair<EntryId, NodeId>, kTogether> coming;
  while (!ids.empty() && (ids.size() % kBetweenClocks >= kTogether || !options.IsLate())) {
    std::size_t count = 0;
    for (const EntryId id : ids.first(std::min(kTogether, ids.size()))) {
      const NodeId node = Find(id);
      if (node != kNoNode && (options.filter == nullptr || options.filter->Accepts(id))) {
        Prefetch(graph_->Record(node), codec_.record_bytes());
        coming[count++] = {id, node};
      }
    }
    for (const auto& [id, node] : std::span(coming).first(count)) {
      const std::byte* const record = graph_->Record(node);
      const float score = codec_.Score(query, record);
      set->Offer({.id = id, .score = score, .range = codec_.RangeOf(query, record, score)});
    }
    stats->distances += count;
    ids = ids.subspan(std::min(kTogether, ids.size()));
  }
}

Result<std::vector<Neighbor>> HnswIndex::SearchAmong(VectorView query, std::span<const EntryId> ids,
                                                     const SearchOptions& options,
                                                     SearchStats* stats) const {
  NEARHIT_CHECK(query.size() == codec_.dimension() && options.k >= 1);
  stats->plan = SearchPlan::kCompareMatching;
  const EncodedQuery encoded = codec_.EncodeQuery(query);
  return SearchAndRescore(codec_, query, encoded, options, stats, [&](std::size_t k) {
    CandidateSet set(k, LeastScore(encoded, options));
    CompareAmong(encoded, ids, options, &set, stats);
    return set.Take();
  });
}

}  // namespace nearhit
