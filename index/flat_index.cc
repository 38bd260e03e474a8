#include "index/flat_index.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "base/check.h"

namespace nearhit {

namespace {
constexpr std::size_t kMaxEntries = std::size_t{1} << 31;
}  // namespace

std::uint32_t FlatIndex::Find(EntryId id) const {
  if (large_ != nullptr) {
    return large_->slots.Find(id.value, IdOf());
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
    SetRecord(slot, encoded);
  }
  return Status();
}

// Before the lock, so that searches wait for a copy only.
FlatIndex::Encoded FlatIndex::Encode(VectorView vector) const {
  Encoded encoded;
  encoded.record.reset(new std::byte[codec_.record_bytes()]);
  encoded.components = codec_.Encode(vector, encoded.record.get());
  encoded.fingerprint = FingerprintOf(vector);
  bool signs = false;
  {
    ReaderLock lock(&mu_);
    signs = large_ != nullptr && large_->signs != nullptr;
  }
  if (signs) {
    encoded.signs = encoded.SignsBy(codec_);
  }
  return encoded;
}

SignCode FlatIndex::Encoded::SignsBy(const Codec& codec) const {
  SignCode signs_now = EncodeSigns(components, FastestSignKernels(), step);
  signs_now.shift = codec.ShiftIn(record.get());
  return signs_now;
}

void FlatIndex::SetRecord(std::uint32_t slot, const Encoded& encoded) {
  std::memcpy(Record(slot), encoded.record.get(), codec_.record_bytes());
  if (large_ == nullptr) {
    return;
  }
  codec_.Enlarge(encoded.record.get(), &large_->largest);
  large_->fingerprints[slot] = encoded.fingerprint;
  if (large_->signs != nullptr) {
    const SignCode late = encoded.signs ? SignCode() : encoded.SignsBy(codec_);
    large_->signs->Set(slot, encoded.signs ? *encoded.signs : late);
  }
}

void FlatIndex::Append(EntryId id, const Encoded& encoded) {
  const std::uint32_t slot = size_;
  if (large_ == nullptr && slot + 1 == kLargeFrom) {
    MakeLarge();
  }
  if (large_ == nullptr) {
    MakeSmall(slot + 1);
    IdsBySlot()[slot] = id;
    SetRecord(slot, encoded);
    return;
  }
  if (slot == large_->capacity) {
    Reserve(std::size_t{slot} + 1 + slot / 8);
  }
  large_->ids.push_back(id);
  large_->fingerprints.push_back(0);
  large_->slots.Insert(id.value, slot, IdOf());
  ++size_;
  SetRecord(slot, encoded);
}

// Into a block of exactly the first `count` records, with their ids. Those beyond size() are to be
// filled.
void FlatIndex::MakeSmall(std::uint32_t count) {
  const std::size_t kept = std::min(count, size_);
  const std::size_t bytes = count * codec_.record_bytes();
  std::unique_ptr<std::byte[]> block;
  if (count > 0) {
    block.reset(new std::byte[bytes + count * sizeof(EntryId)]);
    std::copy_n(Records(), kept * codec_.record_bytes(), block.get());
    std::copy_n(IdsBySlot(), kept, reinterpret_cast<EntryId*>(block.get() + bytes));
  }
  block_ = std::move(block);
  large_.reset();
  size_ = count;
}

void FlatIndex::MakeLarge() {
  auto large = std::make_unique<LargeLayout>();
  large->ids.assign(IdsBySlot(), IdsBySlot() + size_);
  large->fingerprints.assign(size_, 0);
  for (std::uint32_t slot = 0; slot < size_; ++slot) {
    large->slots.Insert(large->ids[slot].value, slot, IdOf());
    codec_.Enlarge(Record(slot), &large->largest);
  }
  large_ = std::move(large);
  Reserve(kLargeFrom + kLargeFrom / 8);
  if (codec_.encoding() == Encoding::kInt8) {
    MakeSigns();
  }
}

// Of what the records hold, which is not quite what came.
void FlatIndex::MakeSigns() {
  large_->signs = std::make_unique<SignCodes>(codec_.dimension(), codec_.metric());
  std::vector<float> components(codec_.dimension());
  for (std::size_t slot = 0; slot < size_; ++slot) {
    codec_.DecodeComponents(Record(slot), components);
    SignCode signs = EncodeSigns(components, FastestSignKernels(), codec_.StepOf(Record(slot)));
    signs.shift = codec_.ShiftIn(Record(slot));
    large_->signs->Set(slot, signs);
  }
}

// Makes room for so many records, no less than there are. Requires: the layout is the large one.
void FlatIndex::Reserve(std::size_t records) {
  const std::size_t used = size_ * codec_.record_bytes();
  const std::size_t bytes = records * codec_.record_bytes();
  large_->capacity = records;
  large_->ids.reserve(records);
  large_->fingerprints.reserve(records);
  if (bytes >= kPagedBytes) {
    large_->paged.Grow(bytes);
    if (block_ != nullptr) {
      std::memcpy(large_->paged.data(), block_.get(), used);
      block_.reset();
    }
    return;
  }
  std::unique_ptr<std::byte[]> block(new std::byte[bytes]);
  std::memcpy(block.get(), Records(), used);
  block_ = std::move(block);
  large_->paged = PagedMemory();
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
  if (large_ != nullptr) {
    EraseFromLarge(slot);
  }
  if (slot != last) {
    std::memcpy(Record(slot), Record(last), codec_.record_bytes());
    IdsBySlot()[slot] = IdsBySlot()[last];
    if (large_ != nullptr) {
      large_->fingerprints[slot] = large_->fingerprints[last];
    }
  }
  if (last < kLargeFrom / 2 || large_ == nullptr) {
    MakeSmall(last);
    return;
  }
  size_ = last;
  large_->ids.pop_back();
  large_->fingerprints.pop_back();
  ReleaseSpare();
}

// Takes a slot out of what only the large layout has; the last one comes into its place.
void FlatIndex::EraseFromLarge(std::uint32_t slot) {
  const std::uint32_t last = size_ - 1;
  large_->slots.Erase(large_->ids[slot].value, IdOf());
  if (slot != last) {
    large_->slots.Move(large_->ids[last].value, slot, IdOf());
  }
  if (large_->signs != nullptr) {
    if (slot != last) {
      large_->signs->Copy(last, slot);
    }
    large_->signs->Shrink(last);
  }
}

// Some room is kept, so that adding and erasing in turn does not allocate each time.
void FlatIndex::ReleaseSpare() {
  if (block_ != nullptr ? large_->capacity > 2 * std::size_t{size_} + 2
                        : size_ * codec_.record_bytes() < kPagedBytes / 2) {
    Reserve(std::size_t{size_} + 1);
  } else if (block_ == nullptr && size_ % 64 == 0) {
    large_->paged.Discard(size_ * codec_.record_bytes());
  }
}

void FlatIndex::Clear() {
  WriterLock lock(&mu_);
  MakeSmall(0);
}

FlatScan FlatIndex::MakeScan(const EncodedQuery& query, const IdFilter* filter, CandidateSet* set,
                             SearchStats* stats) const {
  Codec::Largest largest;
  for (std::size_t slot = 0; large_ == nullptr && slot < size_; ++slot) {
    codec_.Enlarge(Record(slot), &largest);
  }
  return FlatScan(
      codec_,
      {.records = Records(),
       .ids = IdsBySlot(),
       .fingerprints = large_ != nullptr ? large_->fingerprints.data() : nullptr,
       .size = size_,
       .signs = large_ != nullptr ? large_->signs.get() : nullptr},
      {.query = &query,
       .filter = filter,
       .largest_error = codec_.LargestError(query, large_ == nullptr ? largest : large_->largest)},
      set, stats);
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
    MakeScan(encoded, options.filter, &set, stats).Run(k);
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
    FlatScan scan = MakeScan(encoded, options.filter, &set, stats);
    for (std::size_t i = 0; i < ids.size() && (i % kBetweenClocks != 0 || !options.IsLate()); ++i) {
      if (const std::uint32_t slot = Find(ids[i]); slot != SlotMap::kNone) {
        scan.Compare(slot);
      }
    }
    return set.Take();
  });
}

bool FlatIndex::Contains(EntryId id) const {
  ReaderLock lock(&mu_);
  return Find(id) != SlotMap::kNone;
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
  if (large_ == nullptr) {
    return sizeof(*this) + size_ * (codec_.record_bytes() + sizeof(EntryId));
  }
  return sizeof(*this) + sizeof(LargeLayout) +
         (block_ == nullptr ? size_ : large_->capacity) * codec_.record_bytes() +
         large_->ids.capacity() * sizeof(EntryId) +
         large_->fingerprints.capacity() * sizeof(std::uint32_t) + large_->slots.memory_bytes() +
         (large_->signs == nullptr ? 0 : large_->signs->memory_bytes());
}

}  // namespace nearhit
