#include "index/flat_index.h"

#include <cstring>

#include "base/check.h"
#include "index/top_k.h"

namespace nearhit {

Status FlatIndex::Add(EntryId id, VectorView vector) {
  // Encoded before the lock, so that searches wait for a copy only.
  const std::unique_ptr<std::byte[]> record(new std::byte[codec_.record_bytes()]);
  codec_.Encode(vector, record.get());
  WriterLock lock(&mu_);
  const auto found = slots_.find(id.value);
  if (found != slots_.end()) {
    std::memcpy(Record(found->second), record.get(), codec_.record_bytes());
  } else {
    Append(id, record.get());
  }
  return Status();
}

void FlatIndex::Append(EntryId id, const std::byte* record) {
  const std::size_t slot = ids_.size();
  if (slot / kBlockRecords == blocks_.size()) {
    blocks_.emplace_back(new std::byte[kBlockRecords * codec_.record_bytes()]);
  }
  ids_.push_back(id);
  slots_[id.value] = slot;
  std::memcpy(Record(slot), record, codec_.record_bytes());
}

bool FlatIndex::Erase(EntryId id) {
  WriterLock lock(&mu_);
  const auto found = slots_.find(id.value);
  if (found == slots_.end()) {
    return false;
  }
  EraseSlot(found->second);
  return true;
}

void FlatIndex::EraseSlot(std::size_t slot) {
  const std::size_t last = ids_.size() - 1;
  slots_.erase(ids_[slot].value);
  if (slot != last) {
    std::memcpy(Record(slot), Record(last), codec_.record_bytes());
    ids_[slot] = ids_[last];
    slots_[ids_[slot].value] = slot;
  }
  ids_.pop_back();
  // One empty block is kept, so that adding and erasing around its edge does not allocate each
  // time.
  if (blocks_.size() * kBlockRecords >= ids_.size() + 2 * kBlockRecords) {
    blocks_.pop_back();
  }
}

bool FlatIndex::Contains(EntryId id) const {
  ReaderLock lock(&mu_);
  return slots_.contains(id.value);
}

std::vector<RoughNeighbor> FlatIndex::Rough(const EncodedQuery& query,
                                            const std::vector<Neighbor>& neighbors) const {
  std::vector<RoughNeighbor> rough;
  rough.reserve(neighbors.size());
  for (const Neighbor& neighbor : neighbors) {
    const std::byte* record = Record(slots_.at(neighbor.id.value));
    rough.push_back(
        {.neighbor = neighbor, .bound = codec_.ScoreBound(query, record, neighbor.score)});
  }
  return rough;
}

std::vector<Neighbor> FlatIndex::Search(VectorView query, const SearchOptions& options,
                                        SearchStats* stats) const {
  NEARHIT_CHECK(query.size() == codec_.dimension() && options.k >= 1);
  const EncodedQuery encoded = codec_.EncodeQuery(query);
  TopK top(CandidatesFor(options.k, codec_.encoding(), options.source));
  std::vector<RoughNeighbor> candidates;
  {
    ReaderLock lock(&mu_);
    for (std::size_t slot = 0; slot < ids_.size(); ++slot) {
      const Neighbor neighbor{.id = ids_[slot], .score = codec_.Score(encoded, Record(slot))};
      // The filter is asked about entries that would count only: it costs more than a comparison.
      if (top.full() && neighbor.score < top.worst()) {
        continue;
      }
      if (options.filter == nullptr || options.filter->Accepts(neighbor.id)) {
        top.Offer(neighbor);
      }
    }
    stats->distances += ids_.size();
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
      const auto found = slots_.find(id.value);
      if (found != slots_.end() && (options.filter == nullptr || options.filter->Accepts(id))) {
        top.Offer({.id = id, .score = codec_.Score(encoded, Record(found->second))});
        ++stats->distances;
      }
    }
    candidates = Rough(encoded, top.Take());
  }
  return Rescore(codec_, query, options, candidates, stats);
}

bool FlatIndex::Reconstruct(EntryId id, std::span<float> out) const {
  ReaderLock lock(&mu_);
  const auto found = slots_.find(id.value);
  if (found == slots_.end()) {
    return false;
  }
  codec_.Decode(Record(found->second), out);
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
  return sizeof(*this) + blocks_.size() * kBlockRecords * codec_.record_bytes() +
         ids_.capacity() * sizeof(EntryId) +
         slots_.bucket_count() * (sizeof(std::pair<std::uint64_t, std::size_t>) + 8);
}

}  // namespace nearhit
