// A store that answers rows which are read again and again from memory, whatever is behind it.
#pragma once

#include <cstddef>
#include <memory>

#include "engine/storage/kv_store.h"

namespace nearhit {

// Hands every call to `store`, and keeps rows of the families that a hit reads, payloads and
// vectors, in about `max_bytes` (HotRows). Scans do not look at them.
//
// A cached row is never older than a write that has returned:
//
//   reader                                    writer
//   1. looks here; without a row it gets      1. writes to `store`
//      a ticket, the count of erasures        2. erases the row here, which counts, also when the
//   2. reads the row in `store`                  write failed: some of it may have been done
//   3. offers it with the ticket, in vain     3. returns
//      when the count has changed
//
// A reader that read the old row took its ticket before the erasure, so its offer is refused. One
// that took it later reads the new row. Between the steps 1 and 2 of the writer a reader may still
// get the old row: its call overlaps the write. DropPrefix does the same for many rows.
//
// Thread-safety: thread-safe.
std::unique_ptr<KvStore> CacheRows(std::unique_ptr<KvStore> store, std::size_t max_bytes);

}  // namespace nearhit
