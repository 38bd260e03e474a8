// FlatIndex: searches. What they compare, and in which order.

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

#include "base/check.h"
#include "index/flat_index.h"

namespace nearhit {

FlatIndex::Scan FlatIndex::MakeScan(const EncodedQuery& query, const IdFilter* filter,
                                    CandidateSet* set, SearchStats* stats) const {
  Codec::Largest largest;
  for (std::size_t slot = 0; many_ == nullptr && slot < size_; ++slot) {
    codec_.Enlarge(Record(slot), &largest);
  }
  return {.query = query,
          .filter = filter,
          .largest_error = codec_.LargestError(query, many_ == nullptr ? largest : many_->largest),
          .set = set,
          .stats = stats};
}

void FlatIndex::ScanRecords(const Scan& scan) const {
  for (std::size_t slot = 0; slot < size_; ++slot) {
    Compare(scan, slot);
  }
}

void FlatIndex::ScanIds(const Scan& scan, std::span<const EntryId> ids,
                        const SearchOptions& options) const {
  for (std::size_t i = 0; i < ids.size() && (i % kBetweenClocks != 0 || !options.IsLate()); ++i) {
    if (const std::uint32_t slot = Find(ids[i]); slot != SlotMap::kNone) {
      Compare(scan, slot);
    }
  }
}

void FlatIndex::Compare(const Scan& scan, std::size_t slot) const {
  const std::byte* const record = Record(slot);
  const float score = codec_.Score(scan.query, record);
  ++scan.stats->distances;
  const bool full = scan.set->full();
  const bool far = score + scan.largest_error < scan.set->limit();
  if (far && (full || score <= scan.set->nearest())) {
    return;
  }
  const EntryId id = IdsBySlot()[slot];
  const ScoreRange range =
      far ? ScoreRange{.low = score - scan.largest_error, .high = score + scan.largest_error}
          : codec_.RangeOf(scan.query, record, score);
  // The filter is asked about entries that would count only: it costs more than a comparison.
  if ((range.high >= scan.set->limit() || !full) &&
      (scan.filter == nullptr || scan.filter->Accepts(id))) {
    scan.set->Offer({.id = id,
                     .score = score,
                     .range = range,
                     .fingerprint = many_ != nullptr ? many_->fingerprints[slot] : 0U});
  }
}

// The best of each of the best blocks, best first, until they are enough to say what the others
// must reach.
void FlatIndex::CompareBestOfBlocks(const Scan& scan, std::span<const float> bounds,
                                    std::span<const float> largest, std::size_t enough) const {
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
      heap.pop_back();
      const auto lanes = bounds.subspan(first, std::min(kSignLanes, size_ - first));
      const auto best = std::max_element(lanes.begin(), lanes.end());
      slots.push_back(first + static_cast<std::size_t>(best - lanes.begin()));
      PrefetchRecord(slots.back());
    }
    for (const std::size_t slot : slots) {
      Compare(scan, slot);
    }
    if (scan.set->full() || heap.empty() || largest[heap.front()] < scan.set->limit()) {
      return;
    }
  }
}

void FlatIndex::ScanSigns(const Scan& scan, std::size_t k) const {
  const SignCodes& codes = *many_->signs;
  SignQuery signs = codes.Prepare(scan.query.components);
  codes.Sharpen(scan.set->limit(), &signs);
  thread_local std::vector<float> bounds;  // by slot, with the lanes that are not taken
  bounds.resize(codes.blocks() * kSignLanes);
  std::vector<float> largest(codes.blocks());  // bound of each block
  for (std::size_t block = 0; block < largest.size(); ++block) {
    largest[block] = codes.Bounds(
        signs, block, std::span<float, kSignLanes>(bounds.data() + block * kSignLanes, kSignLanes));
  }
  scan.stats->screened += size_;
  CandidateSet first_best(k, scan.set->limit());
  Scan first = scan;
  first.set = &first_best;
  CompareBestOfBlocks(first, bounds, largest, 2 * std::max(k + 3, k + k / 2));
  const float limit = first_best.limit();
  const float sharper = codes.Sharpen(limit, &signs);
  const float fall = sharper * codes.least_error();

  std::vector<SignCandidate> candidates;
  for (std::size_t block = 0; block < largest.size(); ++block) {
    if (largest[block] - fall < limit) {
      continue;
    }
    codes.AppendReaching(block, std::span(bounds).subspan(block * kSignLanes).first<kSignLanes>(),
                         {.slack = sharper, .limit = limit, .slots = size_}, &candidates);
  }
  if (candidates.empty()) {
    *scan.set = std::move(first_best);  // nothing reaches the least score: how near the nearest was
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
    Compare(scan, candidate.slot);
  }
  CompareReaching(scan, std::span(candidates).subspan(promising));
}

// Those whose bound reaches the limit, and then by half of their codes first: it says the same of
// most.
void FlatIndex::CompareReaching(const Scan& scan, std::span<const SignCandidate> candidates) const {
  constexpr std::size_t kAhead = 12;  // records on their way from memory
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (i + kAhead < candidates.size() && candidates[i + kAhead].bound >= scan.set->limit()) {
      Prefetch(Record(candidates[i + kAhead].slot), codec_.rough_bytes());
    }
    const SignCandidate& candidate = candidates[i];
    if (candidate.bound < scan.set->limit()) {
      continue;
    }
    const std::byte* const record = Record(candidate.slot);
    if (codec_.RoughBound(scan.query, record) >= scan.set->limit()) {
      Compare(scan, candidate.slot);
    }
  }
}

Result<std::vector<Neighbor>> FlatIndex::Search(VectorView query, const SearchOptions& options,
                                                SearchStats* stats) const {
  NEARHIT_CHECK(query.size() == codec_.dimension() && options.k >= 1);
  if (options.filter != nullptr && options.filter->count() <= size() / kFewPass) {
    SearchOptions among = options;
    among.filter = nullptr;  // these are what it accepts
    return SearchAmong(query, options.filter->Ids(), among, stats);
  }
  stats->plan = SearchPlan::kScan;
  const EncodedQuery encoded = codec_.EncodeQuery(query);
  return SearchAndRescore(codec_, query, encoded, options, stats, [&](std::size_t k) {
    CandidateSet set(k, LeastScore(encoded, options));
    ReaderLock lock(&mu_);
    const Scan scan = MakeScan(encoded, options.filter, &set, stats);
    if (size_ < kScreened || many_->signs == nullptr) {
      ScanRecords(scan);
    } else {
      ScanSigns(scan, k);
    }
    return set.Take();
  });
}

Result<std::vector<Neighbor>> FlatIndex::SearchAmong(VectorView query, std::span<const EntryId> ids,
                                                     const SearchOptions& options,
                                                     SearchStats* stats) const {
  NEARHIT_CHECK(query.size() == codec_.dimension() && options.k >= 1);
  stats->plan = SearchPlan::kCompareMatching;
  const EncodedQuery encoded = codec_.EncodeQuery(query);
  return SearchAndRescore(codec_, query, encoded, options, stats, [&](std::size_t k) {
    CandidateSet set(k, LeastScore(encoded, options));
    ReaderLock lock(&mu_);
    ScanIds(MakeScan(encoded, options.filter, &set, stats), ids, options);
    return set.Take();
  });
}

}  // namespace nearhit
