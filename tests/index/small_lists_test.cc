#include "index/small_lists.h"

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace nearhit::small_lists_test {
namespace {

TEST(SmallListsTest, BehavesAsAMapOfLists) {
  std::mt19937 random(6);
  SmallLists lists;
  std::map<std::size_t, std::vector<std::uint32_t>> expected;
  for (std::uint32_t round = 0; round < 60'000; ++round) {
    // Some lists get long.
    const std::size_t list = random() % 2 == 0 ? random() % 5 : random() % 300;
    std::vector<std::uint32_t>& values = expected[list];
    if (values.empty() || random() % 5 < (round < 30'000 ? 3U : 2U)) {
      lists.Add(list, round);
      values.push_back(round);
    } else {
      const std::size_t at = random() % values.size();
      lists.Remove(list, values[at]);
      values.erase(values.begin() + static_cast<std::ptrdiff_t>(at));
    }
    const auto got = lists.Get(list);
    std::vector<std::uint32_t> sorted(got.begin(), got.end());
    std::sort(sorted.begin(), sorted.end());
    ASSERT_EQ(sorted, values);  // values rise
  }
  for (const auto& [list, values] : expected) {
    EXPECT_EQ(lists.Get(list).size(), values.size());
  }
}

TEST(SmallListsTest, UsesBlocksAgain) {
  SmallLists lists;
  std::size_t once = 0;
  for (int round = 0; round < 50; ++round) {
    for (std::uint32_t i = 0; i < 100; ++i) {
      for (std::size_t list = 0; list < 10; ++list) {
        lists.Add(list, i);
      }
    }
    once = round == 0 ? lists.memory_bytes() : once;
    for (std::uint32_t i = 0; i < 100; ++i) {
      for (std::size_t list = 0; list < 10; ++list) {
        lists.Remove(list, i);
      }
    }
  }
  EXPECT_EQ(lists.memory_bytes(), once);
  EXPECT_TRUE(lists.Get(3).empty());
  EXPECT_TRUE(lists.Get(1'000).empty());
}

}  // namespace
}  // namespace nearhit::small_lists_test
