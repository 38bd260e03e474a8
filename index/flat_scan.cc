#include "index/flat_scan.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "base/prefetch.h"

namespace nearhit {

namespace {
// Where both ways of scanning take about the same time.
constexpr std::size_t kScreened = 512;
}  // namespace

void FlatScan::Run(std::size_t k) {
  if (records_.size >= kScreened && records_.signs != nullptr) {
    ScanSigns(k);
    return;
  }
  for (std::size_t slot = 0; slot < records_.size; ++slot) {
    Compare(slot);
  }
}

const std::byte* FlatScan::Record(std::size_t slot) const {
  return records_.records + slot * codec_.record_bytes();
}

void FlatScan::PrefetchRecord(std::size_t slot) const {
  Prefetch(Record(slot), codec_.record_bytes());
}

void FlatScan::Compare(std::size_t slot) {
  const std::byte* const record = Record(slot);
  const float score = codec_.Score(*question_.query, record);
  ++stats_->distances;
  const bool full = set_->full();
  const bool far = score + question_.largest_error < set_->limit();
  if (far && (full || score <= set_->nearest())) {
    return;
  }
  const EntryId id = records_.ids[slot];
  const ScoreRange range = far ? ScoreRange{.low = score - question_.largest_error,
                                            .high = score + question_.largest_error}
                               : codec_.RangeOf(*question_.query, record, score);
  // The filter is asked about entries that would count only: it costs more than a comparison.
  if ((range.high >= set_->limit() || !full) &&
      (question_.filter == nullptr || question_.filter->Accepts(id))) {
    set_->Offer(
        {.id = id,
         .score = score,
         .range = range,
         .fingerprint = records_.fingerprints != nullptr ? records_.fingerprints[slot] : 0U});
  }
}

// The best of each of the best blocks, best first, until they are enough to say what the others
// must reach.
void FlatScan::CompareBestOfBlocks(std::span<const float> bounds, std::span<const float> largest,
                                   std::size_t enough) {
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
      const auto lanes = bounds.subspan(first, std::min(kSignLanes, records_.size - first));
      const auto best = std::max_element(lanes.begin(), lanes.end());
      slots.push_back(first + static_cast<std::size_t>(best - lanes.begin()));
      PrefetchRecord(slots.back());
    }
    for (const std::size_t slot : slots) {
      Compare(slot);
    }
    if (set_->full() || heap.empty() || largest[heap.front()] < set_->limit()) {
      return;
    }
  }
}

void FlatScan::ScanSigns(std::size_t k) {
  const SignCodes& codes = *records_.signs;
  SignQuery signs = codes.Prepare(question_.query->components);
  codes.Sharpen(set_->limit(), &signs);
  thread_local std::vector<float> bounds;  // by slot, with the lanes that are not taken
  bounds.resize(codes.blocks() * kSignLanes);
  std::vector<float> largest(codes.blocks());  // bound of each block
  for (std::size_t block = 0; block < largest.size(); ++block) {
    largest[block] = codes.Bounds(
        signs, block, std::span<float, kSignLanes>(bounds.data() + block * kSignLanes, kSignLanes));
  }
  stats_->screened += records_.size;
  CandidateSet first_best(k, set_->limit());
  FlatScan(codec_, records_, question_, &first_best, stats_)
      .CompareBestOfBlocks(bounds, largest, 2 * std::max(k + 3, k + k / 2));
  const float limit = first_best.limit();
  const float sharper = codes.Sharpen(limit, &signs);
  const float fall = sharper * codes.least_error();

  std::vector<SignCandidate> candidates;
  for (std::size_t block = 0; block < largest.size(); ++block) {
    if (largest[block] - fall < limit) {
      continue;
    }
    codes.AppendReaching(block, std::span(bounds).subspan(block * kSignLanes).first<kSignLanes>(),
                         {.slack = sharper, .limit = limit, .slots = records_.size}, &candidates);
  }
  if (candidates.empty()) {
    *set_ = std::move(first_best);  // nothing reaches the least score: how near the nearest was
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
    Compare(candidate.slot);
  }
  CompareReaching(std::span(candidates).subspan(promising));
}

// Those whose bound reaches the limit, and then by half of their codes first: it says the same of
// most.
void FlatScan::CompareReaching(std::span<const SignCandidate> candidates) {
  constexpr std::size_t kAhead = 12;  // records on their way from memory
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (i + kAhead < candidates.size() && candidates[i + kAhead].bound >= set_->limit()) {
      Prefetch(Record(candidates[i + kAhead].slot), codec_.rough_bytes());
    }
    const SignCandidate& candidate = candidates[i];
    if (candidate.bound < set_->limit()) {
      continue;
    }
    const std::byte* const record = Record(candidate.slot);
    if (codec_.RoughBound(*question_.query, record) >= set_->limit()) {
      Compare(candidate.slot);
    }
  }
}

}  // namespace nearhit
