#include "index/slot_map.h"

#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace nearhit::slot_map_test {
namespace {

TEST(SlotMapTest, FindsNothingWhenEmpty) {
  const SlotMap slots;
  EXPECT_EQ(slots.Find(1, [](std::uint32_t) { return std::uint64_t{0}; }), SlotMap::kNone);
  EXPECT_EQ(slots.memory_bytes(), 0U);
}

// Against a std::map, with ids that crowd and ids that do not, as FlatIndex uses it: the last slot
// moves into the hole.
TEST(SlotMapTest, BehavesAsAMap) {
  for (const std::uint64_t step : {std::uint64_t{1}, std::uint64_t{1} << 33U}) {
    std::mt19937 random(5);
    SlotMap slots;
    std::vector<std::uint64_t> ids;
    std::map<std::uint64_t, std::size_t> expected;
    const auto id_of = [&ids](std::uint32_t slot) { return ids[slot]; };
    for (int round = 0; round < 30'000; ++round) {
      const std::uint64_t id = random() % 700 * step;
      const bool shrinking = round / 5'000 % 2 == 1;
      ASSERT_EQ(slots.Find(id, id_of),
                expected.contains(id) ? expected[id] : std::size_t{SlotMap::kNone});
      if (!expected.contains(id) && (!shrinking || random() % 4 == 0)) {
        ids.push_back(id);
        slots.Insert(id, static_cast<std::uint32_t>(ids.size() - 1), id_of);
        expected[id] = ids.size() - 1;
      } else if (expected.contains(id)) {
        const std::size_t slot = expected[id];
        slots.Erase(id, id_of);
        expected.erase(id);
        if (slot + 1 != ids.size()) {
          slots.Move(ids.back(), static_cast<std::uint32_t>(slot), id_of);
          expected[ids.back()] = slot;
          ids[slot] = ids.back();
        }
        ids.pop_back();
      }
      ASSERT_EQ(slots.size(), expected.size());
    }
    for (const auto& [id, slot] : expected) {
      EXPECT_EQ(slots.Find(id, id_of), slot);
    }
  }
}

TEST(SlotMapTest, GivesMemoryBack) {
  SlotMap slots;
  const auto id_of = [](std::uint32_t slot) { return std::uint64_t{slot}; };
  for (std::uint32_t id = 0; id < 10'000; ++id) {
    slots.Insert(id, id, id_of);
  }
  EXPECT_LE(slots.memory_bytes(), 10'000U * 10);
  for (std::uint32_t id = 0; id < 9'990; ++id) {
    slots.Erase(id, id_of);
  }
  EXPECT_LE(slots.memory_bytes(), 1'000U);
  EXPECT_EQ(slots.Find(9'995, id_of), 9'995U);
}

}  // namespace
}  // namespace nearhit::slot_map_test
