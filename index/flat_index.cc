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
  encoded.fingerprint = FingerprintOf(vector);
  bool signs = false;
  {
    ReaderLock lock(&mu_);
    signs = many_ != nullptr && many_->signs != nullptr;
  }
  if (signs) {
    encoded.signs = SignsOf(encoded);
  }
  return encoded;
}

SignCode FlatIndex::SignsOf(const Encoded& encoded) const {
  SignCode signs = EncodeSigns(encoded.components, FastestSignKernels(), encoded.step);
  signs.shift = codec_.ShiftIn(encoded.record.get());
  return signs;
}

void FlatIndex::Put(std::uint32_t slot, const Encoded& encoded) {
  std::memcpy(Record(slot), encoded.record.get(), codec_.record_bytes());
  if (many_ == nullptr) {
    return;
  }
  codec_.Enlarge(encoded.record.get(), &many_->largest);
  many_->fingerprints[slot] = encoded.fingerprint;
  if (many_->signs != nullptr) {
    const SignCode late = encoded.signs ? SignCode() : SignsOf(encoded);
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
  many_->fingerprints.push_back(0);
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
  many->fingerprints.assign(size_, 0);
  for (std::uint32_t slot = 0; slot < size_; ++slot) {
    many->slots.Insert(many->ids[slot].value, slot, IdOf());
    codec_.Enlarge(Record(slot), &many->largest);
  }
  many_ = std::move(many);
  Reserve(kMany + kMany / 8);
  if (codec_.encoding() == Encoding::kInt8) {
    MakeSigns();
  }
}

// Of what the records hold, which is not quite what came.
void FlatIndex::MakeSigns() {
  many_->signs = std::make_unique<SignCodes>(codec_.dimension(), codec_.metric());
  std::vector<float> components(codec_.dimension());
  for (std::size_t slot = 0; slot < size_; ++slot) {
    codec_.DecodeComponents(Record(slot), components);
    SignCode signs = EncodeSigns(components, FastestSignKernels(), codec_.StepOf(Record(slot)));
    signs.shift = codec_.ShiftIn(Record(slot));
    many_->signs->Set(slot, signs);
  }
}

// Makes room for so many records, no less than there are. Requires: there are many.
void FlatIndex::Reserve(std::size_t records) {
  const std::size_t used = size_ * codec_.record_bytes();
  const std::size_t bytes = records * codec_.record_bytes();
  many_->capacity = records;
  many_->ids.reserve(records);
  many_->fingerprints.reserve(records);
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
    if (many_ != nullptr) {
      many_->fingerprints[slot] = many_->fingerprints[last];
    }
  }
  if (last < kMany / 2 || many_ == nullptr) {
    Pack(last);
    return;
  }
  size_ = last;
  many_->ids.pop_back();
  many_->fingerprints.pop_back();
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
         many_->ids.capacity() * sizeof(EntryId) +
         many_->fingerprints.capacity() * sizeof(std::uint32_t) + many_->slots.memory_bytes() +
         (many_->signs == nullptr ? 0 : many_->signs->memory_bytes());
}

}  // namespace nearhit
