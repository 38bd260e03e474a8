// FlatIndex: searches. What they compare, and in which order.

#include <algorithm>
#include <array>
#include <numeric>
#include <span>
#include <utility>

#include "base/check.h"
#include "index/flat_index.h"

namespace nearhit {

void FlatIndex::ScanRecords(const EncodedQuery& query, const IdFilter* filter, CandidateSet* set,
                            SearchStats* stats) const {
  for (std::size_t slot = 0; slot < size_; ++slot) {
    Compare(query, slot, filter, set, stats);
  }
}

void FlatIndex::ScanIds(const EncodedQuery& query, std::span<const EntryId> ids,
                        const IdFilter* filter, CandidateSet* set, SearchStats* stats) const {
  for (const EntryId id : ids) {
    if (const std::uint32_t slot = Find(id); slot != SlotMap::kNone) {
      Compare(query, slot, filter, set, stats);
    }
  }
}

void FlatIndex::Compare(const EncodedQuery& query, std::size_t slot, const IdFilter* filter,
                        CandidateSet* set, SearchStats* stats) const {
  const std::byte* const record = Record(slot);
  const float score = codec_.Score(query, record);
  ++stats->distances;
  const EntryId id = IdsBySlot()[slot];
  const ScoreRange range = codec_.RangeOf(query, record, score);
  // The filter is asked about entries that would count only: it costs more than a comparison.
  if ((range.high >= set->limit() || !set->full()) && (filter == nullptr || filter->Accepts(id))) {
    set->Offer({.id = id,
                .score = score,
                .range = range,
                .fingerprint = many_ != nullptr ? many_->fingerprints[slot] : 0U});
  }
}

// The best of each of the best blocks, best first, until they are enough to say what the others
// must reach.
void FlatIndex::CompareBestOfBlocks(const SignQuery& signs, const EncodedQuery& query,
                                    const std::vector<float>& largest, const IdFilter* filter,
                                    std::size_t enough, CandidateSet* set,
                                    SearchStats* stats) const {
  std::array<float, kSignLanes> bounds{};
  std::vector<std::uint32_t> heap(largest.size());
  std::iota(heap.begin(), heap.end(), 0U);
  const auto less = [&largest](std::uint32_t a, std::uint32_t b) {
    return largest[a] < largest[b];
  };
  std::make_heap(heap.begin(), heap.end(), less);
  // A filter that lets few pass is not asked for long.
  for (std::size_t i = 0; !heap.empty() && i < 4 * enough; i += enough) {
    std::vector<std::size_t> slots;
    while (!heap.empty() && slots.size() < enough) {
      std::pop_heap(heap.begin(), heap.end(), less);
      const std::size_t first = std::size_t{heap.back()} * kSignLanes;
      many_->signs->Bounds(signs, heap.back(), bounds);
      heap.pop_back();
      const auto lanes = std::span(bounds).first(std::min(kSignLanes, size_ - first));
      const auto best = std::max_element(lanes.begin(), lanes.end());
      slots.push_back(first + static_cast<std::size_t>(best - lanes.begin()));
      PrefetchRecord(slots.back());
    }
    for (const std::size_t slot : slots) {
      Compare(query, slot, filter, set, stats);
    }
    if (set->full()) {
      return;
    }
  }
}

void FlatIndex::ScanSigns(const EncodedQuery& query, const IdFilter* filter, std::size_t k,
                          CandidateSet* set, SearchStats* stats) const {
  SignQuery signs = many_->signs->Prepare(query.components);
  many_->signs->Sharpen(set->limit(), &signs);
  std::array<float, kSignLanes> bounds{};
  std::vector<float> largest(many_->signs->blocks());  // bound of each block
  for (std::size_t block = 0; block < largest.size(); ++block) {
    largest[block] = many_->signs->Bounds(signs, block, bounds);
  }
  stats->screened += size_;
  CandidateSet first_best(k, set->limit());
  CompareBestOfBlocks(signs, query, largest, filter, 2 * std::max(k + 3, k + k / 2), &first_best,
                      stats);
  const float limit = first_best.limit();
  const float fall = many_->signs->Sharpen(limit, &signs);

  std::vector<SignCandidate> candidates;
  for (std::size_t block = 0; block < largest.size(); ++block) {
    if (largest[block] - fall < limit) {
      continue;
    }
    many_->signs->Bounds(signs, block, bounds);
    const std::size_t first = block * kSignLanes;
    for (std::size_t lane = 0; lane < std::min(kSignLanes, size_ - first); ++lane) {
      if (bounds[lane] >= limit) {
        candidates.push_back(
            {.slot = static_cast<std::uint32_t>(first + lane), .bound = bounds[lane]});
      }
    }
  }
  if (candidates.empty()) {
    *set = std::move(first_best);  // nothing reaches the least score: how near the nearest was
    return;
  }
  // The most promising ones say what the others must reach.
  const std::size_t promising = std::min(candidates.size(), 2 * k + 16);
  std::nth_element(
      candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(promising) - 1,
      candidates.end(), [](const auto& a, const auto& b) { return a.bound > b.bound; });
  for (const SignCandidate& candidate : std::span(candidates).first(promising)) {
    PrefetchRecord(candidate.slot);
  }
  for (const SignCandidate& candidate : std::span(candidates).first(promising)) {
    Compare(query, candidate.slot, filter, set, stats);
  }
  CompareReaching(query, std::span(candidates).subspan(promising), filter, set, stats);
}

// Those whose bound reaches the limit, and then by half of their codes first: it says the same of
// most.
void FlatIndex::CompareReaching(const EncodedQuery& query,
                                std::span<const SignCandidate> candidates, const IdFilter* filter,
                                CandidateSet* set, SearchStats* stats) const {
  constexpr std::size_t kAhead = 12;  // records on their way from memory
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (i + kAhead < candidates.size() && candidates[i + kAhead].bound >= set->limit()) {
      Prefetch(Record(candidates[i + kAhead].slot), codec_.rough_bytes());
    }
    const SignCandidate& candidate = candidates[i];
    if (candidate.bound < set->limit()) {
      continue;
    }
    const std::byte* const record = Record(candidate.slot);
    if (codec_.RoughBound(query, record) >= set->limit()) {
      Compare(query, candidate.slot, filter, set, stats);
    }
  }
}

std::vector<Neighbor> FlatIndex::Search(VectorView query, const SearchOptions& options,
                                        SearchStats* stats) const {
  NEARHIT_CHECK(query.size() == codec_.dimension() && options.k >= 1);
  if (options.filter != nullptr && options.filter->count() <= size() / kFewPass) {
    return SearchAmong(query, options.filter->Ids(), options, stats);
  }
  stats->plan = SearchPlan::kScan;
  const EncodedQuery encoded = codec_.EncodeQuery(query);
  return SearchAndRescore(codec_, query, encoded, options, stats, [&](std::size_t k) {
    CandidateSet set(k, LeastScore(encoded, options));
    ReaderLock lock(&mu_);
    if (size_ < kScreened || many_->signs == nullptr) {
      ScanRecords(encoded, options.filter, &set, stats);
    } else {
      ScanSigns(encoded, options.filter, k, &set, stats);
    }
    return set.Take();
  });
}

std::vector<Neighbor> FlatIndex::SearchAmong(VectorView query, std::span<const EntryId> ids,
                                             const SearchOptions& options,
                                             SearchStats* stats) const {
  NEARHIT_CHECK(query.size() == codec_.dimension() && options.k >= 1);
  stats->plan = SearchPlan::kCompareMatching;
  const EncodedQuery encoded = codec_.EncodeQuery(query);
  return SearchAndRescore(codec_, query, encoded, options, stats, [&](std::size_t k) {
    CandidateSet set(k, LeastScore(encoded, options));
    ReaderLock lock(&mu_);
    ScanIds(encoded, ids, options.filter, &set, stats);
    return set.Take();
  });
}

}  // namespace nearhit
