#include "server/core/memory.h"

#include <gtest/gtest.h>

namespace nearhit::server {
namespace {

using std::chrono::seconds;

constexpr std::size_t kBase = 100;

TEST(MemoryTrimmer, IsDueAfterAnswersThatWereLetGo) {
  MemoryTrimmer memory;
  EXPECT_FALSE(
      memory.IsDue(MemoryTrimmer::kReleased / 2, kBase, MemoryTrimmer::TimePoint(seconds(1))));
  EXPECT_TRUE(
      memory.IsDue(MemoryTrimmer::kReleased / 2, kBase, MemoryTrimmer::TimePoint(seconds(2))));
  memory.Trimmed(kBase, MemoryTrimmer::TimePoint(seconds(2)));
  EXPECT_FALSE(memory.IsDue(0, kBase, MemoryTrimmer::TimePoint(seconds(3))));
}

TEST(MemoryTrimmer, IsDueWhenTheProcessHasGrownButNotAgainAndAgain) {
  MemoryTrimmer memory;
  const std::size_t large = kBase + MemoryTrimmer::kGrown;
  EXPECT_FALSE(memory.IsDue(0, kBase, MemoryTrimmer::TimePoint(seconds(1))));
  EXPECT_TRUE(memory.IsDue(0, large, MemoryTrimmer::TimePoint(seconds(2))));
  memory.Trimmed(large, MemoryTrimmer::TimePoint(seconds(2)));  // it was in use
  EXPECT_FALSE(memory.IsDue(0, large, MemoryTrimmer::TimePoint(seconds(100))));
  EXPECT_FALSE(memory.IsDue(0, 2 * large, MemoryTrimmer::TimePoint(seconds(3)))) << "too soon";
  EXPECT_TRUE(memory.IsDue(0, 2 * large, MemoryTrimmer::TimePoint(seconds(200))));
}

TEST(Memory, SaysHowMuchThereIs) {
  EXPECT_GT(ResidentBytes(), std::size_t{1} << 20);
  TrimMemory();
}

}  // namespace
}  // namespace nearhit::server
