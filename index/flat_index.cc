#include "index/flat_index.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <span>
#include <string>
#include <utility>

#include "base/check.h"

namespace nearhit {

namespace {
constexpr std::size_t kMaxEntries = std::size_t{1} << 31;
}  // namespace

Status FlatIndex::Add(EntryId id, VectorView vector) {
  // Encoded before the lock, so that searches wait for a copy only.
  const std::unique_ptr<std::byte[]> record(new std::byte[codec_.record_bytes()]);
  const std::vector<float> components = codec_.Encode(vector, record.get());
  WriterLock lock(&mu_);
  const std::uint32_t slot = slots_.Find(id.value, IdOf());
  if (slot == SlotMap::kNone) {
    if (ids_.size() >= kMaxEntries) {
      return ResourceExhausted("the index holds " + std::to_string(ids_.size()) +
                               " entries, its limit");
    }
    Append(id, components, record.get());
    return Status();
  }
  std::memcpy(Record(slot), record.get(), codec_.record_bytes());
  if (signs_ != nullptr) {
    signs_->Set(slot, components);
  }
  return Status();
}

// Makes room for so many records, no less than there are.
void FlatIndex::Reserve(std::size_t records) {
  const std::size_t used = ids_.size() * codec_.record_bytes();
  const std::size_t bytes = records * codec_.record_bytes();
  capacity_ = records;
  if (bytes >= kPagedBytes) {
    many_.Grow(bytes);
    records_ = many_.data();
    if (few_ != nullptr) {
      std::memcpy(records_, few_.get(), used);
      few_.reset();
    }
    return;
  }
  std::unique_ptr<std::byte[]> fewer(new std::byte[bytes]);
  if (used > 0) {
    std::memcpy(fewer.get(), records_, used);
  }
  few_ = std::move(fewer);
  records_ = few_.get();
  many_ = PagedMemory();
}

void FlatIndex::Append(EntryId id, VectorView components, const std::byte* record) {
  const std::size_t slot = ids_.size();
  if (slot == capacity_) {
    Reserve(slot + 1 + slot / 8);
    ids_.reserve(capacity_);
  }
  ids_.push_back(id);
  slots_.Insert(id.value, static_cast<std::uint32_t>(slot), IdOf());
  std::memcpy(Record(slot), record, codec_.record_bytes());
  if (signs_ != nullptr) {
    signs_->Set(slot, components);
  } else if (ids_.size() == kSigned && codec_.encoding() == Encoding::kInt8) {
    MakeSigns();
  }
}

// Of what the records hold: half a code a component from the vectors that came.
void FlatIndex::MakeSigns() {
  signs_ = std::make_unique<SignCodes>(codec_.dimension(), codec_.metric());
  std::vector<float> components(codec_.dimension());
  for (std::size_t slot = 0; slot < ids_.size(); ++slot) {
    codec_.DecodeComponents(Record(slot), components);
    signs_->Set(slot, components);
  }
}

bool FlatIndex::Erase(EntryId id) {
  WriterLock lock(&mu_);
  const std::uint32_t slot = slots_.Find(id.value, IdOf());
  if (slot == SlotMap::kNone) {
    return false;
  }
  EraseSlot(slot);
  return true;
}

void FlatIndex::EraseSlot(std::size_t slot) {
  const std::size_t last = ids_.size() - 1;
  slots_.Erase(ids_[slot].value, IdOf());
  if (slot != last) {
    slots_.Move(ids_[last].value, static_cast<std::uint32_t>(slot), IdOf());
    std::memcpy(Record(slot), Record(last), codec_.record_bytes());
    ids_[slot] = ids_[last];
    if (signs_ != nullptr) {
      signs_->Copy(last, slot);
    }
  }
  ids_.pop_back();
  if (signs_ != nullptr && ids_.size() < kSigned / 2) {
    signs_.reset();
  } else if (signs_ != nullptr) {
    signs_->Shrink(ids_.size());
  }
  // Some room is kept, so that adding and erasing in turn does not allocate each time.
  if (few_ != nullptr ? capacity_ > 2 * ids_.size() + 2
                      : ids_.size() * codec_.record_bytes() < kPagedBytes / 2) {
    Reserve(ids_.size() + 1);
  } else if (few_ == nullptr && ids_.size() % 64 == 0) {
    many_.Discard(ids_.size() * codec_.record_bytes());
  }
}

bool FlatIndex::Contains(EntryId id) const {
  ReaderLock lock(&mu_);
  return slots_.Find(id.value, IdOf()) != SlotMap::kNone;
}

std::vector<RoughNeighbor> FlatIndex::Rough(const EncodedQuery& query,
                                            const std::vector<Neighbor>& neighbors) const {
  std::vector<RoughNeighbor> rough;
  rough.reserve(neighbors.size());
  for (const Neighbor& neighbor : neighbors) {
    const std::byte* record = Record(slots_.Find(neighbor.id.value, IdOf()));
    rough.push_back(
        {.neighbor = neighbor, .bound = codec_.ScoreBound(query, record, neighbor.score)});
  }
  return rough;
}

void FlatIndex::ScanRecords(const EncodedQuery& query, const IdFilter* filter, TopK* top,
                            SearchStats* stats) const {
  for (std::size_t slot = 0; slot < ids_.size(); ++slot) {
    Compare(query, slot, filter, top, stats);
  }
}

// What a score must reach to count, for all that is not among the best so far.
float FlatIndex::Limit(const TopK& top, const SearchOptions& options) {
  return top.full() ? std::max(top.worst(), options.min_score) : options.min_score;
}

void FlatIndex::Compare(const EncodedQuery& query, std::size_t slot, const IdFilter* filter,
                        TopK* top, SearchStats* stats) const {
  const Neighbor neighbor{.id = ids_[slot], .score = codec_.Score(query, Record(slot))};
  ++stats->distances;
  // The filter is asked about entries that would count only: it costs more than a comparison.
  if ((!top->full() || neighbor.score >= top->worst()) &&
      (filter == nullptr || filter->Accepts(neighbor.id))) {
    top->Offer(neighbor);
  }
}

// The best of each of the best blocks, best first, until they are enough to say what the others
// must reach.
void FlatIndex::CompareBestOfBlocks(const SignQuery& signs, const EncodedQuery& query,
                                    const std::vector<float>& largest, const SearchOptions& options,
                                    TopK* top, SearchStats* stats) const {
  std::array<float, kSignLanes> bounds{};
  std::vector<std::uint32_t> heap(largest.size());
  std::iota(heap.begin(), heap.end(), 0U);
  const auto less = [&largest](std::uint32_t a, std::uint32_t b) {
    return largest[a] < largest[b];
  };
  std::make_heap(heap.begin(), heap.end(), less);
  // A filter that lets few pass is not asked for long.
  const std::size_t enough = 2 * top->capacity();
  for (std::size_t i = 0; !heap.empty() && i < 4 * enough; i += enough) {
    std::vector<std::size_t> slots;
    while (!heap.empty() && slots.size() < enough) {
      std::pop_heap(heap.begin(), heap.end(), less);
      const std::size_t first = std::size_t{heap.back()} * kSignLanes;
      signs_->Bounds(signs, heap.back(), bounds);
      heap.pop_back();
      const auto lanes = std::span(bounds).first(std::min(kSignLanes, ids_.size() - first));
      const auto best = std::max_element(lanes.begin(), lanes.end());
      slots.push_back(first + static_cast<std::size_t>(best - lanes.begin()));
      PrefetchRecord(slots.back());
    }
    for (const std::size_t slot : slots) {
      Compare(query, slot, options.filter, top, stats);
    }
    if (top->full()) {
      return;
    }
  }
}

void FlatIndex::ScanSigns(const EncodedQuery& query, const SearchOptions& options, TopK* top,
                          SearchStats* stats) const {
  constexpr std::size_t kAhead = 4;  // records on their way from memory
  SignQuery signs = signs_->Prepare(query.components);
  signs_->Sharpen(options.min_score, &signs);
  std::array<float, kSignLanes> bounds{};
  std::vector<float> largest(signs_->blocks());  // bound of each block
  for (std::size_t block = 0; block < largest.size(); ++block) {
    largest[block] = signs_->Bounds(signs, block, bounds);
  }
  stats->screened += ids_.size();
  TopK first_best(top->capacity());
  CompareBestOfBlocks(signs, query, largest, options, &first_best, stats);
  const float limit = Limit(first_best, options);
  const float fall = signs_->Sharpen(limit, &signs);

  struct Candidate {
    std::uint32_t slot;
    float bound;
  };
  std::vector<Candidate> candidates;
  for (std::size_t block = 0; block < largest.size(); ++block) {
    if (largest[block] - fall < limit) {
      continue;
    }
    signs_->Bounds(signs, block, bounds);
    const std::size_t first = block * kSignLanes;
    for (std::size_t lane = 0; lane < std::min(kSignLanes, ids_.size() - first); ++lane) {
      if (bounds[lane] >= limit) {
        candidates.push_back(
            {.slot = static_cast<std::uint32_t>(first + lane), .bound = bounds[lane]});
      }
    }
  }
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (i + kAhead < candidates.size()) {
      PrefetchRecord(candidates[i + kAhead].slot);
    }
    if (candidates[i].bound >= Limit(*top, options)) {
      Compare(query, candidates[i].slot, options.filter, top, stats);
    }
  }
  if (top->empty()) {
    *top = std::move(first_best);  // nothing reaches the least score: how near the nearest was
  }
}

std::vector<Neighbor> FlatIndex::Search(VectorView query, const SearchOptions& options,
                                        SearchStats* stats) const {
  NEARHIT_CHECK(query.size() == codec_.dimension() && options.k >= 1);
  const EncodedQuery encoded = codec_.EncodeQuery(query);
  TopK top(CandidatesFor(options.k, codec_.encoding(), options.source));
  std::vector<RoughNeighbor> candidates;
  {
    ReaderLock lock(&mu_);
    if (signs_ == nullptr || ids_.size() < kScreened) {
      ScanRecords(encoded, options.filter, &top, stats);
    } else {
      ScanSigns(encoded, options, &top, stats);
    }
    candidates = Rough(encoded, top.Take());
  }
  return Rescore(codec_, query, options, candidates, stats);
}

std::vector<Neighbor> FlatIndex::SearchAmong(VectorView query, std::span<const EntryId> ids,
                                             const SearchOptions& options,
                                             SearchStats* stats) const {
  NEARHIT_CHECK(query.size() == codec_.dimension() && options.k >= 1);
  const EncodedQuery encoded = codec_.EncodeQuery(query);
  TopK top(CandidatesFor(options.k, codec_.encoding(), options.source));
  std::vector<RoughNeighbor> candidates;
  {
    ReaderLock lock(&mu_);
    for (const EntryId id : ids) {
      const std::uint32_t slot = slots_.Find(id.value, IdOf());
      if (slot != SlotMap::kNone && (options.filter == nullptr || options.filter->Accepts(id))) {
        top.Offer({.id = id, .score = codec_.Score(encoded, Record(slot))});
        ++stats->distances;
      }
    }
    candidates = Rough(encoded, top.Take());
  }
  return Rescore(codec_, query, options, candidates, stats);
}

bool FlatIndex::Reconstruct(EntryId id, std::span<float> out) const {
  ReaderLock lock(&mu_);
  const std::uint32_t slot = slots_.Find(id.value, IdOf());
  if (slot == SlotMap::kNone) {
    return false;
  }
  codec_.Decode(Record(slot), out);
  return true;
}

std::vector<EntryId> FlatIndex::Ids() const {
  ReaderLock lock(&mu_);
  return ids_;
}

std::size_t FlatIndex::size() const {
  ReaderLock lock(&mu_);
  return ids_.size();
}

std::size_t FlatIndex::memory_bytes() const {
  ReaderLock lock(&mu_);
  return sizeof(*this) + (few_ == nullptr ? ids_.size() : capacity_) * codec_.record_bytes() +
         ids_.capacity() * sizeof(EntryId) + slots_.memory_bytes() +
         (signs_ == nullptr ? 0 : signs_->memory_bytes());
}

}  // namespace nearhit
