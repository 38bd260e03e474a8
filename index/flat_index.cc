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

std::uint32_t FlatIndex::Find(EntryId id) const {
  if (many_ != nullptr) {
    return many_->slots.Find(id.value, IdOf());
  }
  const EntryId* const ids = IdsBySlot();
  const EntryId* const found = std::find(ids, ids + size_, id);
  return found == ids + size_ ? SlotMap::kNone : static_cast<std::uint32_t>(found - ids);
}

Status FlatIndex::Add(EntryId id, VectorView vector) {
  const Encoded encoded = Encode(vector);
  WriterLock lock(&mu_);
  const std::uint32_t slot = Find(id);
  if (slot == SlotMap::kNone) {
    if (size_ >= kMaxEntries) {
      return ResourceExhausted("the index holds " + std::to_string(size_) + " entries, its limit");
    }
    Append(id, encoded);
  } else {
    Put(slot, encoded);
  }
  return Status();
}

// Before the lock, so that searches wait for a copy only.
FlatIndex::Encoded FlatIndex::Encode(VectorView vector) const {
  Encoded encoded;
  encoded.record.reset(new std::byte[codec_.record_bytes()]);
  encoded.components = codec_.Encode(vector, encoded.record.get());
  bool signs = false;
  {
    ReaderLock lock(&mu_);
    signs = many_ != nullptr && many_->signs != nullptr;
  }
  if (signs) {
    encoded.signs = EncodeSigns(encoded.components);
  }
  return encoded;
}

void FlatIndex::Put(std::uint32_t slot, const Encoded& encoded) {
  std::memcpy(Record(slot), encoded.record.get(), codec_.record_bytes());
  if (many_ != nullptr && many_->signs != nullptr) {
    const SignCode late = encoded.signs ? SignCode() : EncodeSigns(encoded.components);
    many_->signs->Set(slot, encoded.signs ? *encoded.signs : late);
  }
}

void FlatIndex::Append(EntryId id, const Encoded& encoded) {
  const std::uint32_t slot = size_;
  if (many_ == nullptr && slot + 1 == kMany) {
    MakeMany();
  }
  if (many_ == nullptr) {
    Pack(slot + 1);
    IdsBySlot()[slot] = id;
    Put(slot, encoded);
    return;
  }
  if (slot == many_->capacity) {
    Reserve(std::size_t{slot} + 1 + slot / 8);
  }
  many_->ids.push_back(id);
  many_->slots.Insert(id.value, slot, IdOf());
  ++size_;
  Put(slot, encoded);
}

// Into a block of exactly the first `count` records, with their ids. Those beyond size() are to be
// filled.
void FlatIndex::Pack(std::uint32_t count) {
  const std::size_t kept = std::min(count, size_);
  const std::size_t bytes = count * codec_.record_bytes();
  std::unique_ptr<std::byte[]> block;
  if (count > 0) {
    block.reset(new std::byte[bytes + count * sizeof(EntryId)]);
    std::copy_n(Records(), kept * codec_.record_bytes(), block.get());
    std::copy_n(IdsBySlot(), kept, reinterpret_cast<EntryId*>(block.get() + bytes));
  }
  block_ = std::move(block);
  many_.reset();
  size_ = count;
}

void FlatIndex::MakeMany() {
  auto many = std::make_unique<Many>();
  many->ids.assign(IdsBySlot(), IdsBySlot() + size_);
  for (std::uint32_t slot = 0; slot < size_; ++slot) {
    many->slots.Insert(many->ids[slot].value, slot, IdOf());
  }
  many_ = std::move(many);
  Reserve(kMany + kMany / 8);
  if (codec_.encoding() == Encoding::kInt8) {
    MakeSigns();
  }
}

// Of what the records hold: half a code a component from the vectors that came.
void FlatIndex::MakeSigns() {
  many_->signs = std::make_unique<SignCodes>(codec_.dimension(), codec_.metric());
  std::vector<float> components(codec_.dimension());
  for (std::size_t slot = 0; slot < size_; ++slot) {
    codec_.DecodeComponents(Record(slot), components);
    many_->signs->Set(slot, EncodeSigns(components));
  }
}

// Makes room for so many records, no less than there are. Requires: there are many.
void FlatIndex::Reserve(std::size_t records) {
  const std::size_t used = size_ * codec_.record_bytes();
  const std::size_t bytes = records * codec_.record_bytes();
  many_->capacity = records;
  many_->ids.reserve(records);
  if (bytes >= kPagedBytes) {
    many_->paged.Grow(bytes);
    if (block_ != nullptr) {
      std::memcpy(many_->paged.data(), block_.get(), used);
      block_.reset();
    }
    return;
  }
  std::unique_ptr<std::byte[]> block(new std::byte[bytes]);
  std::memcpy(block.get(), Records(), used);
  block_ = std::move(block);
  many_->paged = PagedMemory();
}

bool FlatIndex::Erase(EntryId id) {
  WriterLock lock(&mu_);
  const std::uint32_t slot = Find(id);
  if (slot == SlotMap::kNone) {
    return false;
  }
  EraseSlot(slot);
  return true;
}

void FlatIndex::EraseSlot(std::uint32_t slot) {
  NEARHIT_CHECK(Records() != nullptr);  // there is a slot
  const std::uint32_t last = size_ - 1;
  if (many_ != nullptr) {
    Unlist(slot);
  }
  if (slot != last) {
    std::memcpy(Record(slot), Record(last), codec_.record_bytes());
    IdsBySlot()[slot] = IdsBySlot()[last];
  }
  if (last < kMany / 2 || many_ == nullptr) {
    Pack(last);
    return;
  }
  size_ = last;
  many_->ids.pop_back();
  GiveBack();
}

// Takes a slot out of what only many have; the last one comes into its place.
void FlatIndex::Unlist(std::uint32_t slot) {
  const std::uint32_t last = size_ - 1;
  many_->slots.Erase(many_->ids[slot].value, IdOf());
  if (slot != last) {
    many_->slots.Move(many_->ids[last].value, slot, IdOf());
  }
  if (many_->signs != nullptr) {
    if (slot != last) {
      many_->signs->Copy(last, slot);
    }
    many_->signs->Shrink(last);
  }
}

// Some room is kept, so that adding and erasing in turn does not allocate each time.
void FlatIndex::GiveBack() {
  if (block_ != nullptr ? many_->capacity > 2 * std::size_t{size_} + 2
                        : size_ * codec_.record_bytes() < kPagedBytes / 2) {
    Reserve(std::size_t{size_} + 1);
  } else if (block_ == nullptr && size_ % 64 == 0) {
    many_->paged.Discard(size_ * codec_.record_bytes());
  }
}

void FlatIndex::Clear() {
  WriterLock lock(&mu_);
  Pack(0);
}

bool FlatIndex::Contains(EntryId id) const {
  ReaderLock lock(&mu_);
  return Find(id) != SlotMap::kNone;
}

std::vector<RoughNeighbor> FlatIndex::Rough(const EncodedQuery& query,
                                            const std::vector<Neighbor>& neighbors) const {
  std::vector<RoughNeighbor> rough;
  rough.reserve(neighbors.size());
  for (const Neighbor& neighbor : neighbors) {
    const std::byte* record = Record(Find(neighbor.id));
    rough.push_back(
        {.neighbor = neighbor, .bound = codec_.ScoreBound(query, record, neighbor.score)});
  }
  return rough;
}

void FlatIndex::ScanRecords(const EncodedQuery& query, const IdFilter* filter, TopK* top,
                            SearchStats* stats) const {
  for (std::size_t slot = 0; slot < size_; ++slot) {
    Compare(query, slot, filter, top, stats);
  }
}

// What a score must reach to count, for all that is not among the best so far.
float FlatIndex::Limit(const TopK& top, const SearchOptions& options) {
  return top.full() ? std::max(top.worst(), options.min_score) : options.min_score;
}

void FlatIndex::Compare(const EncodedQuery& query, std::size_t slot, const IdFilter* filter,
                        TopK* top, SearchStats* stats) const {
  const Neighbor neighbor{.id = IdsBySlot()[slot], .score = codec_.Score(query, Record(slot))};
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
      many_->signs->Bounds(signs, heap.back(), bounds);
      heap.pop_back();
      const auto lanes = std::span(bounds).first(std::min(kSignLanes, size_ - first));
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
  SignQuery signs = many_->signs->Prepare(query.components);
  many_->signs->Sharpen(options.min_score, &signs);
  std::array<float, kSignLanes> bounds{};
  std::vector<float> largest(many_->signs->blocks());  // bound of each block
  for (std::size_t block = 0; block < largest.size(); ++block) {
    largest[block] = many_->signs->Bounds(signs, block, bounds);
  }
  stats->screened += size_;
  TopK first_best(top->capacity());
  CompareBestOfBlocks(signs, query, largest, options, &first_best, stats);
  const float limit = Limit(first_best, options);
  const float fall = many_->signs->Sharpen(limit, &signs);

  struct Candidate {
    std::uint32_t slot;
    float bound;
  };
  std::vector<Candidate> candidates;
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
    if (size_ < kScreened || many_->signs == nullptr) {
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
      const std::uint32_t slot = Find(id);
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
  const std::uint32_t slot = Find(id);
  if (slot == SlotMap::kNone) {
    return false;
  }
  codec_.Decode(Record(slot), out);
  return true;
}

std::vector<EntryId> FlatIndex::Ids() const {
  ReaderLock lock(&mu_);
  return {IdsBySlot(), IdsBySlot() + size_};
}

std::size_t FlatIndex::size() const {
  ReaderLock lock(&mu_);
  return size_;
}

std::size_t FlatIndex::memory_bytes() const {
  ReaderLock lock(&mu_);
  if (many_ == nullptr) {
    return sizeof(*this) + size_ * (codec_.record_bytes() + sizeof(EntryId));
  }
  return sizeof(*this) + sizeof(Many) +
         (block_ == nullptr ? size_ : many_->capacity) * codec_.record_bytes() +
         many_->ids.capacity() * sizeof(EntryId) + many_->slots.memory_bytes() +
         (many_->signs == nullptr ? 0 : many_->signs->memory_bytes());
}

}  // namespace nearhit
