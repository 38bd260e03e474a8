// One page of a scan, bounded by bytes as well as by entries.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "nearhit/result.h"
#include "nearhit/types.h"
#include "server/calls/convert.h"

namespace nearhit::server {

// A page ends before the entry that would make it larger (but holds at least one entry), so that a
// page of small entries fits into a client's default limit of 4 MiB.
inline constexpr std::size_t kScanPageBytes = std::size_t{3} << 20;
// Entries read at once; bounds what a page of large entries costs beyond its own size.
inline constexpr std::size_t kScanChunk = 16;
inline constexpr std::size_t kDefaultScanLimit = 100;

// Fills `response` from store.Scan(after, limit). Store is SemanticCache or VectorStore.
template <typename Store, typename Request, typename Response>
Status FillPage(Store* store, const Request& request, Response* response) {
  const std::size_t limit = request.limit() == 0 ? kDefaultScanLimit : request.limit();
  if (limit > kMaxPageSize) {
    return InvalidArgument("limit is " + std::to_string(limit) + "; it may be at most " +
                           std::to_string(kMaxPageSize));
  }
  EntryId after{request.after()};
  std::size_t bytes = 0;
  std::size_t left = limit;
  while (left > 0) {
    auto page = store->Scan(after, std::min(left, kScanChunk));
    NEARHIT_RETURN_IF_ERROR(page.status());
    auto damaged = page->damaged.begin();
    const auto add_damaged_below = [&](EntryId id) {
      for (; damaged != page->damaged.end() && *damaged < id; ++damaged) {
        response->add_damaged(damaged->value);
      }
    };
    for (auto& entry : page->entries) {
      auto* out = response->add_entries();
      const EntryId id = entry.id;
      add_damaged_below(id);
      ToProto(std::move(entry), out);
      bytes += out->ByteSizeLong();
      if (bytes > kScanPageBytes && response->entries_size() > 1) {
        response->mutable_entries()->RemoveLast();
        // Not `after`: damaged ones that are said may lie behind it.
        response->set_next(id.value - 1);
        return Status();
      }
      after = id;
      --left;
    }
    add_damaged_below(EntryId{std::numeric_limits<std::uint64_t>::max()});
    left -= std::min(left, page->damaged.size());
    response->set_next(page->next.value);
    if (!page->next) {
      break;
    }
    after = page->next;
  }
  return Status();
}

}  // namespace nearhit::server
