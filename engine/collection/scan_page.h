// One page of a scan over the entries of a collection, in the order of their ids.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "engine/collection/collection.h"
#include "nearhit/result.h"
#include "nearhit/types.h"

namespace nearhit {

// `read` gives the entry of an id, kNotFound for one that expired or was just deleted; `bytes` what
// it takes. Page has `entries`, `damaged` and `next`, as a ScanPage.
//
// Errors: those of `read` but for kNotFound and kDataLoss.
template <typename Page, typename Read, typename Bytes>
Result<Page> ReadScanPage(const Collection& collection, EntryId after, std::size_t limit, Read read,
                          Bytes bytes) {
  // One id more than asked for tells whether there is a next page.
  NEARHIT_ASSIGN_OR_RETURN(const std::vector<EntryId> ids, collection.IdsAfter(after, limit + 1));
  Page page;
  bool gone = false;
  std::size_t total = 0;
  const std::size_t count = std::min(ids.size(), limit);
  for (std::size_t i = 0; i < count; ++i) {
    auto entry = read(ids[i]);
    if (entry.ok()) {
      total += bytes(*entry);
      page.entries.push_back(*std::move(entry));
    } else if (entry.status().code() == StatusCode::kDataLoss) {
      page.damaged.push_back(ids[i]);
    } else if (entry.status().code() == StatusCode::kNotFound) {
      gone = true;
    } else {
      return std::move(entry).status();
    }
    if (i + 1 < ids.size() && (i + 1 == count || total > kMaxResultBytes)) {
      page.next = ids[i];
      break;
    }
  }
  // What was replaced meanwhile has a higher id now.
  if (gone && !page.next) {
    page.next = ids.back();
  }
  return page;
}

}  // namespace nearhit
