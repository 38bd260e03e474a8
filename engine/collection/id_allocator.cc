#include "engine/collection/id_allocator.h"

#include <algorithm>
#include <string>
#include <vector>

#include "engine/storage/record.h"

namespace nearhit {

namespace {
constexpr std::string_view kNextIdKey = "next_id";
}  // namespace

Result<std::unique_ptr<IdAllocator>> IdAllocator::Open(KvStore* store) {
  std::string value;
  const Status read = store->Get(Family::kMeta, kNextIdKey, ReadMode::kBlocking, &value);
  std::uint64_t next = 1;
  if (read.ok()) {
    NEARHIT_ASSIGN_OR_RETURN(const std::vector<EntryId> ids, DecodeIds(kNextIdKey, value));
    if (ids.size() != 1) {
      return DataLoss("the id allocation record holds " + std::to_string(ids.size()) +
                      " ids, not 1");
    }
    next = ids.front().value;
  } else if (read.code() != StatusCode::kNotFound) {
    return read;
  }
  return std::unique_ptr<IdAllocator>(new IdAllocator(store, next));
}

Result<EntryId> IdAllocator::Take(std::uint64_t count) {
  MutexLock lock(&mu_);
  if (next_ + count > reserved_) {
    const std::uint64_t reserve = next_ + std::max(count, kBlock);
    WriteBatch batch;
    batch.Put(Family::kMeta, std::string(kNextIdKey), EncodeIds(kNextIdKey, {EntryId{reserve}}));
    // Synced: ids that a power cut gave out again would name other entries than callers think.
    NEARHIT_RETURN_IF_ERROR(store_->Write(batch, /*sync=*/true));
    reserved_ = reserve;
  }
  const EntryId first{next_};
  next_ += count;
  return first;
}

}  // namespace nearhit
