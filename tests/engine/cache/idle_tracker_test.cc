#include "engine/cache/idle_tracker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nearhit {
namespace {

TEST(IdleTrackerTest, ListsTheLongestIdleFirst) {
  IdleTracker tracker;
  tracker.Touch(EntryId{1}, 10);
  tracker.Touch(EntryId{2}, 20);
  tracker.Touch(EntryId{3}, 30);
  tracker.Touch(EntryId{1}, 40);
  EXPECT_THAT(tracker.Idle(30, 10), testing::ElementsAre(EntryId{2}, EntryId{3}));
  EXPECT_THAT(tracker.Idle(30, 1), testing::ElementsAre(EntryId{2}));
  EXPECT_TRUE(tracker.IdleSince(EntryId{2}, 20));
  EXPECT_FALSE(tracker.IdleSince(EntryId{1}, 39));
  tracker.Erase(EntryId{2});
  EXPECT_FALSE(tracker.IdleSince(EntryId{2}, 20));
  tracker.Clear();
  EXPECT_TRUE(tracker.Idle(100, 10).empty());
}

}  // namespace
}  // namespace nearhit
