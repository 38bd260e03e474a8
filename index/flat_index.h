// Compares a query with every vector: exact up to its encoding, and the fastest there is for small
// sets. Inserts and deletes are O(1): a delete moves the last record into the hole.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include <tsl/robin_map.h>

#include "base/mutex.h"
#include "index/codec.h"
#include "index/rescore.h"
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
  static constexpr std::size_t kBlockRecords = 256;

  std::byte* Record(std::size_t slot) const REQUIRES_SHARED(mu_) {
    return blocks_[slot / kBlockRecords].get() + slot % kBlockRecords * codec_.record_bytes();
  }
  std::vector<RoughNeighbor> Rough(const EncodedQuery& query,
                                   const std::vector<Neighbor>& neighbors) const
      REQUIRES_SHARED(mu_);
  void Append(EntryId id, const std::byte* record) REQUIRES(mu_);
  void EraseSlot(std::size_t slot) REQUIRES(mu_);

  const Codec codec_;
  mutable SharedMutex mu_;
  std::vector<std::unique_ptr<std::byte[]>> blocks_ GUARDED_BY(mu_);
  std::vector<EntryId> ids_ GUARDED_BY(mu_);  // by slot
  tsl::robin_map<std::uint64_t, std::size_t> slots_ GUARDED_BY(mu_);
};

}  // namespace nearhit
