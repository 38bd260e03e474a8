// Scans all vectors: no structure to keep up, and the fastest there is for small sets. A delete
// moves the last record into the hole.
//
// Few take one block of exactly their records and ids, which is made anew by each insert and
// delete: most partitions are that small, and there may be very many of them. From 64 on both are
// O(1).
//
// Few vectors are compared one by one. From some hundreds on their sign codes are scanned first
// (sign_codes.h), and only those are compared whose bound says that they may be among the nearest.
// With a source the answer is that of full precision, whatever the vectors are.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "index/codec.h"
#include "index/flat_scan.h"
#include "index/paged_memory.h"
#include "index/rescore.h"
#include "index/sign_codes.h"
#include "index/slot_map.h"
#include "index/vector_index.h"

namespace nearhit {

class FlatIndex final : public VectorIndex {
 public:
  explicit FlatIndex(const Codec& codec) : codec_(codec) {}

  Status Add(EntryId id, VectorView vector) override;
  bool Erase(EntryId id) override;
  bool Contains(EntryId id) const override;
  Result<std::vector<Neighbor>> Search(VectorView query, const SearchOptions& options,
                                       SearchStats* stats) const override;
  Result<std::vector<Neighbor>> SearchAmong(VectorView query, std::span<const EntryId> ids,
                                            const SearchOptions& options,
                                            SearchStats* stats) const override;
  bool Reconstruct(EntryId id, std::span<float> out) const override;
  std::vector<EntryId> Ids() const override;
  std::size_t size() const override;
  std::size_t dimension() const override { return codec_.dimension(); }
  std::size_t memory_bytes() const override;

  const Codec& codec() const { return codec_; }
  // Erases everything and gives its memory back.
  void Clear();

  // The entries as bytes, without a checksum (snapshot.h adds it), and back. Deserialize requires
  // an empty index; kDataLoss, and empty still, unless every id and record is sound.
  void Serialize(std::string* out) const;
  Status Deserialize(std::string_view bytes);

 private:
  // From here on the layout is the large one; under half of it, the small one again. Early for sign
  // codes, as searches wait while the first are made.
  static constexpr std::size_t kLargeFrom = 64;
  // Records of fewer bytes are in a block of the heap.
  static constexpr std::size_t kPagedBytes = std::size_t{64} << 10;
  // Entries are compared one by one when a filter lets one of so many pass.
  static constexpr std::size_t kFewPass = 16;

  // What only an index of many entries has.
  struct LargeLayout {
    std::size_t capacity = 0;  // records
    PagedMemory paged;         // the records, by slot, when they are not in the block
    std::vector<EntryId> ids;  // by slot
    std::vector<std::uint32_t> fingerprints;  // by slot; see RoughNeighbor
    SlotMap slots;
    Codec::Largest largest;            // of the records so far
    std::unique_ptr<SignCodes> signs;  // by slot; null under kFloat32
  };

  struct Encoded {
    std::unique_ptr<std::byte[]> record;
    std::uint32_t fingerprint = 0;
    std::vector<float> components;  // that its codes are of
    float step = 0;                 // or that they stand for; see EncodeSigns
    std::optional<SignCode> signs;  // when there were any at the time

    SignCode SignsBy(const Codec& codec) const;
  };

  // By slot.
  std::byte* Records() const NEARHIT_REQUIRES_SHARED(mu_) {
    return large_ != nullptr && block_ == nullptr ? large_->paged.data() : block_.get();
  }
  std::byte* Record(std::size_t slot) const NEARHIT_REQUIRES_SHARED(mu_) {
    return Records() + slot * codec_.record_bytes();
  }
  // By slot; of few they are behind the records.
  EntryId* IdsBySlot() const NEARHIT_REQUIRES_SHARED(mu_) {
    return large_ != nullptr ? large_->ids.data() : reinterpret_cast<EntryId*>(Record(size_));
  }
  auto IdOf() const NEARHIT_REQUIRES_SHARED(mu_) {
    return [ids = IdsBySlot()](std::uint32_t slot) { return ids[slot].value; };
  }
  // The slot that holds `id`, or SlotMap::kNone.
  std::uint32_t Find(EntryId id) const NEARHIT_REQUIRES_SHARED(mu_);
  FlatScan MakeScan(const EncodedQuery& query, const IdFilter* filter, CandidateSet* set,
                    SearchStats* stats) const NEARHIT_REQUIRES_SHARED(mu_);
  Encoded Encode(VectorView vector) const;
  void SetRecord(std::uint32_t slot, const Encoded& encoded) NEARHIT_REQUIRES(mu_);
  void Append(EntryId id, const Encoded& encoded) NEARHIT_REQUIRES(mu_);
  void EraseSlot(std::uint32_t slot) NEARHIT_REQUIRES(mu_);
  void EraseFromLarge(std::uint32_t slot) NEARHIT_REQUIRES(mu_);
  void ReleaseSpare() NEARHIT_REQUIRES(mu_);
  void MakeSmall(std::uint32_t count) NEARHIT_REQUIRES(mu_);
  void Reserve(std::size_t records) NEARHIT_REQUIRES(mu_);
  void MakeLarge() NEARHIT_REQUIRES(mu_);
  void MakeSigns() NEARHIT_REQUIRES(mu_);

  const Codec codec_;
  mutable SharedMutex mu_;
  std::uint32_t size_ NEARHIT_GUARDED_BY(mu_) = 0;
  std::unique_ptr<std::byte[]> block_ NEARHIT_GUARDED_BY(mu_);  // the records; of few with the ids
  std::unique_ptr<LargeLayout> large_ NEARHIT_GUARDED_BY(mu_);  // null while there are few
};

}  // namespace nearhit
