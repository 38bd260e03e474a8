#include "index/level_counts.h"

#include <gtest/gtest.h>

namespace nearhit {
namespace {

TEST(LevelCountsTest, KnowsTheHighestLevelThatHasANode) {
  LevelCounts levels;
  EXPECT_EQ(levels.highest(), -1);
  levels.Add(0);
  levels.Add(2);
  levels.Add(0);
  EXPECT_EQ(levels.highest(), 2);
  EXPECT_EQ(levels.nodes(), 3U);
  levels.Remove(2);
  EXPECT_EQ(levels.highest(), 0);
  levels.Remove(0);
  levels.Remove(0);
  EXPECT_EQ(levels.highest(), -1);
  EXPECT_EQ(levels.nodes(), 0U);
}

}  // namespace
}  // namespace nearhit
