#include "engine/collection/segmented_map.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace nearhit {
namespace {

using Map = SegmentedMap<std::uint64_t, std::string>;

std::map<std::uint64_t, std::string> Contents(const Map& map) {
  std::map<std::uint64_t, std::string> contents;
  for (std::size_t segment = 0; segment < map.segments(); ++segment) {
    map.ForEachIn(segment, [&contents](std::uint64_t key, const std::string& value) {
      EXPECT_TRUE(contents.emplace(key, value).second) << key << " is there twice";
    });
  }
  return contents;
}

TEST(SegmentedMapTest, AgreesWithAMap) {
  std::mt19937_64 random(1);
  Map map;
  std::map<std::uint64_t, std::string> expected;
  for (std::uint64_t step = 0; step < 40'000; ++step) {
    // Keys that count up and keys from anywhere.
    const std::uint64_t key = step % 2 == 0 ? random() % 10'000 : random();
    if (random() % 4 == 0) {
      EXPECT_EQ(map.Erase(key), expected.erase(key) > 0);
    } else {
      map[key] = std::to_string(step);
      expected[key] = std::to_string(step);
    }
    ASSERT_EQ(map.size(), expected.size());
    const auto found = expected.find(key);
    const std::string* const value = map.Find(key);
    ASSERT_EQ(value != nullptr, found != expected.end());
    if (value != nullptr) {
      EXPECT_EQ(*value, found->second);
    }
  }
  EXPECT_GT(map.segments(), 16U);
  EXPECT_EQ(Contents(map), expected);
  map.Clear();
  EXPECT_EQ(map.size(), 0U);
  EXPECT_EQ(map.segments(), 1U);
  EXPECT_EQ(map.Find(1), nullptr);
}

// What an insertion may have to move: four times the mean is never reached.
TEST(SegmentedMapTest, NoSegmentIsMuchLargerThanOthers) {
  for (const std::uint64_t step : {1U, 1024U, 65'537U}) {
    Map map;
    for (std::uint64_t i = 0; i < 100'000; ++i) {
      map[i * step];
      ASSERT_LE(map.size(), Map::kMean * map.segments());
    }
    std::size_t largest = 0;
    for (std::size_t segment = 0; segment < map.segments(); ++segment) {
      std::size_t keys = 0;
      map.ForEachIn(segment, [&keys](std::uint64_t, const std::string&) { ++keys; });
      largest = std::max(largest, keys);
    }
    EXPECT_LT(largest, 4 * Map::kMean) << step;
  }
}

// Whoever goes up through the segments beside insertions meets all that was there before.
TEST(SegmentedMapTest, GoingUpThroughTheSegmentsMissesNothing) {
  constexpr std::uint64_t kBefore = 10'000;
  Map map;
  for (std::uint64_t key = 0; key < kBefore; ++key) {
    map[key];
  }
  std::vector<bool> met(kBefore, false);
  std::uint64_t next = kBefore;
  for (std::size_t segment = 0; segment < map.segments(); ++segment) {
    map.ForEachIn(segment, [&met](std::uint64_t key, const std::string&) {
      if (key < kBefore) {
        met[key] = true;
      }
    });
    for (int i = 0; i < 700 && map.size() < 5 * kBefore; ++i) {
      map[next++];
    }
  }
  EXPECT_EQ(std::count(met.begin(), met.end(), false), 0);
}

}  // namespace
}  // namespace nearhit
