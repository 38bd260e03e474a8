// Entry ids of a database: they only grow and are never used again, not even after a crash.
#pragma once

#include <cstdint>
#include <memory>

#include "base/mutex.h"
#include "engine/storage/kv_store.h"
#include "nearhit/result.h"
#include "nearhit/types.h"

namespace nearhit {

// Thread-safety: thread-safe. Reserves ids in storage a block at a time, ahead of their use; a
// crash skips what is left of the block.
class IdAllocator {
 public:
  static constexpr std::uint64_t kBlock = 4096;

  // `store` must outlive the allocator. Errors: those of reading storage.
  static Result<std::unique_ptr<IdAllocator>> Open(KvStore* store);

  // The first of `count` consecutive ids. Errors: those of writing storage; nothing is used up
  // then.
  Result<EntryId> Take(std::uint64_t count);

 private:
  IdAllocator(KvStore* store, std::uint64_t next) : store_(store), next_(next), reserved_(next) {}

  KvStore* const store_;
  Mutex mu_;
  std::uint64_t next_ NEARHIT_GUARDED_BY(mu_);
  std::uint64_t reserved_ NEARHIT_GUARDED_BY(mu_);  // ids below this are ours to give out
};

}  // namespace nearhit
