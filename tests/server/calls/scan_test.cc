// Pages of a scan over a store that the test makes up.
#include "server/calls/scan.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nearhit/v1/cache.pb.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

using testing::ElementsAre;

// Entries of ids 1 to `last`; the odd ones are damaged.
struct HalfDamagedStore {
  Result<ScanPage> Scan(EntryId after, std::size_t limit) const {
    ScanPage page;
    std::uint64_t id = after.value;
    for (std::size_t i = 0; i < limit && id < last; ++i) {
      ++id;
      if (id % 2 == 1) {
        page.damaged.push_back(EntryId{id});
      } else {
        page.entries.push_back({.id = EntryId{id}, .answer = std::string(answer_bytes, 'a')});
      }
    }
    page.next = id < last ? EntryId{id} : EntryId{};
    return page;
  }

  std::uint64_t last = 0;
  std::size_t answer_bytes = 0;
};

struct Ids {
  std::vector<std::uint64_t> entries;
  std::vector<std::uint64_t> damaged;
  int pages = 0;
};

Ids ScanAll(HalfDamagedStore store) {
  Ids ids;
  v1::ScanRequest request;
  do {
    v1::ScanResponse response;
    EXPECT_THAT(FillPage(&store, request, &response), IsOk());
    for (const v1::Entry& entry : response.entries()) {
      ids.entries.push_back(entry.id());
    }
    ids.damaged.insert(ids.damaged.end(), response.damaged().begin(), response.damaged().end());
    ++ids.pages;
    request.set_after(response.next());
  } while (request.after() != 0);
  return ids;
}

TEST(FillPageTest, SaysWhichEntriesAreDamaged) {
  const Ids ids = ScanAll({.last = 7});
  EXPECT_THAT(ids.entries, ElementsAre(2, 4, 6));
  EXPECT_THAT(ids.damaged, ElementsAre(1, 3, 5, 7));
  EXPECT_EQ(ids.pages, 1);
}

TEST(FillPageTest, SaysEachOnceWhenLargeEntriesEndThePages) {
  const Ids ids = ScanAll({.last = 7, .answer_bytes = kScanPageBytes - 100});
  EXPECT_THAT(ids.entries, ElementsAre(2, 4, 6));
  EXPECT_THAT(ids.damaged, ElementsAre(1, 3, 5, 7));
  EXPECT_EQ(ids.pages, 3);
}

}  // namespace
}  // namespace nearhit::server
