// HnswIndex: searching. What a search compares: a walk, a walk with a filter, the entries that pass
// a filter, or all of them.

#include <algorithm>
#include <array>
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

// A walk meets one that passes among entries / matching, and needs ef of them.
bool ComparesMatching(std::uint64_t matching, std::size_t size, std::size_t ef) {
  constexpr double kDistancesANode = 8;  // new ones, and what a filter costs
  const auto entries = static_cast<double>(std::max<std::size_t>(1, size));
  const double count = std::min(static_cast<double>(matching), entries);
  const double share = count / entries;
  return count * share < kDistancesANode * static_cast<double>(ef);
}
}  // namespace

// One search: finds what may be among the best k, for rescoring.
//
// Thread-safety: owned by one thread.
class HnswIndex::Query {
 public:
  Query(const HnswIndex* index, VectorView vector, const SearchOptions& options, SearchStats* stats)
      : index_(index),
        vector_(vector),
        query_(index->codec_.EncodeQuery(vector)),
        options_(options),
        stats_(stats) {}

  Result<std::vector<Neighbor>> Run() {
    return SearchAndRescore(index_->codec_, vector_, query_, options_, stats_,
                            [&](std::size_t k) { return Candidates(k); });
  }
  Result<std::vector<Neighbor>> RunAmong(std::span<const EntryId> ids) {
    stats_->plan = SearchPlan::kCompareMatching;
    return SearchAndRescore(index_->codec_, vector_, query_, options_, stats_, [&](std::size_t k) {
      CandidateSet set(k, LeastScore(query_, options_));
      CompareAmong(ids, options_.filter, &set);
      return set.Take();
    });
  }

 private:
  class EntryFilter;
  // How a walk ended: with what it looked for, with what it did not return as good as what it did,
  // or without coming to all nodes though it had room for them.
  enum class Ending : std::uint8_t { kComplete, kCutOff, kStuck };

  std::vector<RoughNeighbor> Candidates(std::size_t k);
  Ending WalkInto(const WalkPlan& plan, CandidateSet* set);
  bool WalkWithFilter(std::size_t k, CandidateSet* set);
  void CompareAll(CandidateSet* set);
  void CompareAmong(std::span<const EntryId> ids, const IdFilter* filter, CandidateSet* set);
  ScoreRange Offer(const GraphCandidate& candidate, const IdFilter* filter, CandidateSet* set);
  WalkPlan PlanFor(std::size_t k, std::size_t entries) const {
    return index_->planner_.Plan(options_, k, entries, index_->tuner_.Observations());
  }

  const HnswIndex* const index_;
  const VectorView vector_;
  const EncodedQuery query_;
  const SearchOptions& options_;
  SearchStats* const stats_;
};

// A node passes when one of its entries does.
class HnswIndex::Query::EntryFilter final : public NodeFilter {
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
      ComparesMatching(options.filter->count(), size(), PlanFor(options, size()).ef)) {
    SearchOptions among = options;
    among.filter = nullptr;  // these are what it accepts
    return SearchAmong(query, options.filter->Ids(), among, stats);
  }
  return Query(this, query, options, stats).Run();
}

Result<std::vector<Neighbor>> HnswIndex::SearchAmong(VectorView query, std::span<const EntryId> ids,
                                                     const SearchOptions& options,
                                                     SearchStats* stats) const {
  NEARHIT_CHECK(query.size() == codec_.dimension() && options.k >= 1);
  return Query(this, query, options, stats).RunAmong(ids);
}

ScoreRange HnswIndex::Query::Offer(const GraphCandidate& candidate, const IdFilter* filter,
                                   CandidateSet* set) {
  const ScoreRange range =
      index_->codec_.RangeOf(query_, index_->graph_->Record(candidate.node), candidate.score);
  index_->copies_.ForEach(
      candidate.node, index_->graph_->Label(candidate.node),
      [&](EntryId id, std::uint32_t fingerprint) {
        if (filter == nullptr || filter->Accepts(id)) {
          set->Offer(
              {.id = id, .score = candidate.score, .range = range, .fingerprint = fingerprint});
        }
      });
  return range;
}

std::vector<RoughNeighbor> HnswIndex::Query::Candidates(std::size_t k) {
  const float least = LeastScore(query_, options_);
  if (options_.filter != nullptr) {
    CandidateSet set(k, least);
    stats_->plan = SearchPlan::kFilteredWalk;
    if (!WalkWithFilter(k, &set)) {
      stats_->plan = SearchPlan::kWalkThenCompare;
      set = CandidateSet(k, least);
      CompareAll(&set);
    }
    return set.Take();
  }
  constexpr float kNone = std::numeric_limits<float>::infinity();
  stats_->plan = SearchPlan::kWalk;
  WalkPlan plan = PlanFor(k, index_->size());
  for (;;) {
    CandidateSet set(k, least);
    const Ending ending = WalkInto(plan, &set);
    if (ending == Ending::kComplete) {
      return set.Take();
    }
    if (options_.IsLate()) {
      return {};
    }
    if (ending == Ending::kStuck || 2 * plan.ef >= index_->size()) {
      break;
    }
    plan.ef *= 4;
    plan.near_score = kNone;
    plan.match_score = kNone;
  }
  stats_->plan = SearchPlan::kWalkThenCompare;
  CandidateSet set(k, least);
  CompareAll(&set);
  return set.Take();
}

HnswIndex::Query::Ending HnswIndex::Query::WalkInto(const WalkPlan& plan, CandidateSet* set) {
  constexpr int kFarInARow = 4;  // ranges differ in width: the next one may reach a little higher
  const ReadSection section;
  const std::vector<GraphCandidate> nodes =
      index_->walker().Search(query_, options_, index_->planner_.InFrame(query_, plan), stats_);
  const bool ended = nodes.size() < plan.ef;
  const bool whole = options_.any_match || nodes.size() + index_->copies_.size() >= index_->size();
  if (ended && !whole) {
    return Ending::kStuck;
  }
  int far = 0;
  for (const GraphCandidate& node : nodes) {
    const float high = Offer(node, nullptr, set).high;
    far = high < set->limit() ? far + 1 : 0;
    if (far == kFarInARow) {
      return Ending::kComplete;
    }
  }
  const bool looks = options_.ef == 0 || index_->tuner_.looks_further();
  return !ended && far == 0 && looks ? Ending::kCutOff : Ending::kComplete;
}

// False when all have to be compared: the walk found too few of those that pass, or looked at too
// many others.
bool HnswIndex::Query::WalkWithFilter(std::size_t k, CandidateSet* set) {
  const std::size_t entries = std::max<std::size_t>(1, index_->size());
  const auto matching = std::min<std::uint64_t>(options_.filter->count(), entries);
  const WalkPlan plan = index_->planner_.InFrame(query_, PlanFor(k, entries));
  const double share = static_cast<double>(matching) / static_cast<double>(entries);
  const double wanted = static_cast<double>(plan.ef) / share;
  const EntryFilter filter(index_, options_.filter);
  // A quarter of what comparing all that match takes, or four times what is expected.
  constexpr double kDistancesANode = 16;
  FilteredWalk walk{.filter = &filter,
                    .pool = std::min(entries, static_cast<std::size_t>(2 * wanted) + plan.ef),
                    .max_distances = static_cast<std::uint64_t>(
                        std::max(kDistancesANode * wanted, static_cast<double>(matching) / 4)),
                    .options = &options_};
  const ReadSection section;
  const std::vector<GraphCandidate> nodes = index_->walker().Walk(query_, plan, &walk, stats_);
  for (const GraphCandidate& node : nodes) {
    Offer(node, options_.filter, set);
  }
  return !walk.gave_up && nodes.size() >= std::min<std::size_t>(plan.ef, matching) &&
         (set->full() || options_.min_score > -std::numeric_limits<float>::infinity());
}

// Writers wait: nodes come and go with them.
void HnswIndex::Query::CompareAll(CandidateSet* set) {
  if (options_.filter != nullptr && KnowsIds(*options_.filter)) {
    CompareAmong(options_.filter->Ids(), /*filter=*/nullptr, set);  // these are what it accepts
    return;
  }
  MutexLock writer(&index_->write_mu_);
  for (NodeId node = 0; node < index_->graph_->slots(); ++node) {
    if (node % kBetweenClocks == 0 && options_.IsLate()) {
      return;
    }
    if (index_->graph_->LevelOf(node) >= 0) {
      ++stats_->distances;
      Offer({.score = index_->codec_.Score(query_, index_->graph_->Record(node)), .node = node},
            options_.filter, set);
    }
  }
}

void HnswIndex::Query::CompareAmong(std::span<const EntryId> ids, const IdFilter* filter,
                                    CandidateSet* set) {
  constexpr std::size_t kTogether = 16;  // records on their way from memory
  const ReadSection section;
  std::array<std::pair<EntryId, NodeId>, kTogether> coming;
  while (!ids.empty() && (ids.size() % kBetweenClocks >= kTogether || !options_.IsLate())) {
    std::size_t count = 0;
    for (const EntryId id : ids.first(std::min(kTogether, ids.size()))) {
      const NodeId node = index_->Find(id);
      if (node != kNoNode && (filter == nullptr || filter->Accepts(id))) {
        Prefetch(index_->graph_->Record(node), index_->codec_.record_bytes());
        coming[count++] = {id, node};
      }
    }
    for (const auto& [id, node] : std::span(coming).first(count)) {
      const std::byte* const record = index_->graph_->Record(node);
      const float score = index_->codec_.Score(query_, record);
      set->Offer(
          {.id = id, .score = score, .range = index_->codec_.RangeOf(query_, record, score)});
    }
    stats_->distances += count;
    ids = ids.subspan(std::min(kTogether, ids.size()));
  }
}

}  // namespace nearhit
