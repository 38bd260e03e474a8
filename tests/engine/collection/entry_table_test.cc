// The record of changes that a table keeps for whoever copies it.

#include "engine/collection/entry_table.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nearhit {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

TEST(EntryTableTest, NothingIsRecordedUnlessAskedFor) {
  EntryTable table;
  table.Insert(EntryId{1}, {});
  EXPECT_EQ(table.changes().Take(), std::nullopt);
}

TEST(EntryTableTest, ChangesAreTakenOnceInOrder) {
  EntryTable table;
  table.Insert(EntryId{1}, {});
  table.changes().Start();
  table.Insert(EntryId{3}, {});
  table.Insert(EntryId{2}, {});
  table.Erase(EntryId{1});
  table.Erase(EntryId{3});
  table.Erase(EntryId{9});  // was not there
  EXPECT_THAT(table.changes().Take(), Optional(ElementsAre(EntryId{1}, EntryId{2}, EntryId{3})));
  EXPECT_THAT(table.changes().Take(), Optional(IsEmpty()));
  table.Insert(EntryId{4}, {});
  EXPECT_THAT(table.changes().Take(), Optional(ElementsAre(EntryId{4})));
  table.changes().Stop();
  table.Insert(EntryId{5}, {});
  EXPECT_EQ(table.changes().Take(), std::nullopt);
}

TEST(EntryTableTest, TooManyChangesAreSaidToBeAndRecordingGoesOn) {
  EntryTable table;
  table.changes().Start();
  for (std::uint64_t id = 1; id <= ChangeRecorder::kMaxChanges; ++id) {
    table.Insert(EntryId{id}, {});
  }
  EXPECT_EQ(table.changes().Take()->size(), ChangeRecorder::kMaxChanges);
  for (std::uint64_t id = 1; id <= ChangeRecorder::kMaxChanges + 1; ++id) {
    table.Erase(EntryId{id});
    table.Insert(EntryId{id}, {});
  }
  EXPECT_EQ(table.changes().Take(), std::nullopt);
  table.Erase(EntryId{7});
  EXPECT_THAT(table.changes().Take(), Optional(ElementsAre(EntryId{7})));
}

}  // namespace
}  // namespace nearhit
