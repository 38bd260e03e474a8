// Scans all vectors: no structure to keep up, and the fastest there is for small sets. Inserts and
// deletes are O(1): a delete moves the last record into the hole.
//
// Few vectors are compared one by one, which is exact up to the encoding. From some hundreds on
// their sign codes are scanned first (sign_codes.h), and only those are compared whose bound says
// that they may be among the nearest; of ten thousand neighbours a few may be missed. kFloat32 is
// always exact.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "index/codec.h"
#include "index/paged_memory.h"
#include "index/rescore.h"
#include "index/sign_codes.h"
#include "index/slot_map.h"
#include "index/top_k.h"
#include "index/vector_index.h"

namespace nearhit {

class FlatIndex final : public VectorIndex {
 public:
  explicit FlatIndex(const Codec& codec) : codec_(codec) {}

  Status Add(EntryId id, VectorView vector) override;
  bool Erase(EntryId id) override;
  bool Contains(EntryId id) const override;
  std::vector<Neighbor> Search(VectorView query, const SearchOptions& options,
                               SearchStats* stats) const override;
  std::vector<Neighbor> SearchAmong(VectorView query, std::span<const EntryId> ids,
                                    const SearchOptions& options,
                                    SearchStats* stats) const override;
  bool Reconstruct(EntryId id, std::span<float> out) const override;
  std::vector<EntryId> Ids() const override;
  std::size_t size() const override;
  std::size_t dimension() const override { return codec_.dimension(); }
  std::size_t memory_bytes() const override;

  const Codec& codec() const { return codec_; }

 private:
  // Records of fewer bytes are allocated as they come: most partitions are small.
  static constexpr std::size_t kPagedBytes = std::size_t{64} << 10;
  // From here on there are sign codes: early, as searches wait while the first are made. Under half
  // of it they go.
  static constexpr std::size_t kSigned = 64;
  // Where both ways of scanning take about the same time.
  static constexpr std::size_t kScreened = 512;

  auto IdOf() const REQUIRES_SHARED(mu_) {
    return [ids = ids_.data()](std::uint32_t slot) { return ids[slot].value; };
  }
  std::byte* Record(std::size_t slot) const REQUIRES_SHARED(mu_) {
    return records_ + slot * codec_.record_bytes();
  }
  void PrefetchRecord(std::size_t slot) const REQUIRES_SHARED(mu_) {
    const std::byte* record = Record(slot);
    for (std::size_t offset = 0; offset < std::min<std::size_t>(codec_.record_bytes(), 512);
         offset += 64) {
      __builtin_prefetch(record + offset);
    }
  }
  std::vector<RoughNeighbor> Rough(const EncodedQuery& query,
                                   const std::vector<Neighbor>& neighbors) const
      REQUIRES_SHARED(mu_);
  void ScanRecords(const EncodedQuery& query, const IdFilter* filter, TopK* top,
                   SearchStats* stats) const REQUIRES_SHARED(mu_);
  static float Limit(const TopK& top, const SearchOptions& options);
  void Compare(const EncodedQuery& query, std::size_t slot, const IdFilter* filter, TopK* top,
               SearchStats* stats) const REQUIRES_SHARED(mu_);
  void CompareBestOfBlocks(const SignQuery& signs, const EncodedQuery& query,
                           const std::vector<float>& largest, const SearchOptions& options,
                           TopK* top, SearchStats* stats) const REQUIRES_SHARED(mu_);
  void ScanSigns(const EncodedQuery& query, const SearchOptions& options, TopK* top,
                 SearchStats* stats) const REQUIRES_SHARED(mu_);
  void Append(EntryId id, VectorView components, const std::byte* record) REQUIRES(mu_);
  void EraseSlot(std::size_t slot) REQUIRES(mu_);
  void Reserve(std::size_t records) REQUIRES(mu_);
  void MakeSigns() REQUIRES(mu_);

  const Codec codec_;
  mutable SharedMutex mu_;
  std::byte* records_ GUARDED_BY(mu_) = nullptr;  // by slot, in one of the two
  std::size_t capacity_ GUARDED_BY(mu_) = 0;      // records
  std::unique_ptr<std::byte[]> few_ GUARDED_BY(mu_);
  PagedMemory many_ GUARDED_BY(mu_);
  std::vector<EntryId> ids_ GUARDED_BY(mu_);  // by slot
  SlotMap slots_ GUARDED_BY(mu_);
  std::unique_ptr<SignCodes> signs_ GUARDED_BY(mu_);  // by slot; null while there are few
};

}  // namespace nearhit
