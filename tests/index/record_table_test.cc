#include "index/record_table.h"

#include <atomic>
#include <cstdint>
#include <random>
#include <thread>
#include <unordered_map>

#include <gtest/gtest.h>

#include "base/epoch.h"

namespace nearhit::record_table_test {
namespace {

constexpr auto kAny = [](NodeId) { return true; };

NodeId Find(const RecordTable& table, std::uint32_t hash) {
  const ReadSection section;
  return table.Find(hash, kAny);
}

TEST(RecordTableTest, AgreesWithAMapThroughGrowthAndTurnover) {
  RecordTable table;
  EXPECT_EQ(Find(table, 0), kNoNode);
  std::mt19937 random(7);
  std::unordered_map<std::uint32_t, NodeId> expected;
  for (NodeId step = 0; step < 20'000; ++step) {
    // Few places, so that they collide; and the hashes that free places would have.
    const std::uint32_t hash = step % 5 == 0
                                   ? ~std::uint32_t{0} - static_cast<std::uint32_t>(random() % 3)
                                   : static_cast<std::uint32_t>(random() % 700);
    if (const auto found = expected.find(hash); found != expected.end()) {
      table.Erase(hash, found->second);
      expected.erase(found);
    } else {
      table.Insert(hash, step);
      expected.emplace(hash, step);
    }
    const auto asked = static_cast<std::uint32_t>(random() % 700);
    const auto found = expected.find(asked);
    ASSERT_EQ(Find(table, asked), found == expected.end() ? kNoNode : found->second) << step;
  }
  for (const auto& [hash, node] : expected) {
    EXPECT_EQ(Find(table, hash), node);
  }
  EXPECT_LE(table.memory_bytes(), 4'096 * sizeof(std::uint64_t));
  table.Clear();
  EXPECT_EQ(Find(table, expected.begin()->first), kNoNode);
  EXPECT_EQ(table.memory_bytes(), 0U);
}

TEST(RecordTableTest, TheCallerTellsEqualHashesApart) {
  RecordTable table;
  table.Insert(5, 1);
  table.Insert(5, 2);
  const ReadSection section;
  EXPECT_EQ(table.Find(5, [](NodeId node) { return node == 2; }), 2U);
  EXPECT_EQ(table.Find(5, [](NodeId node) { return node == 3; }), kNoNode);
}

TEST(RecordTableTest, WhatStaysIsFoundBesideGrowthAndTurnover) {
  RecordTable table;
  constexpr NodeId kStay = 100;
  for (NodeId node = 0; node < kStay; ++node) {
    table.Insert(node * 7, node);
  }
  std::atomic<bool> done{false};
  std::atomic<int> lost{0};
  std::thread reader([&] {
    for (NodeId node = 0; !done.load(); node = (node + 1) % kStay) {
      lost += Find(table, node * 7) == node ? 0 : 1;
    }
  });
  for (NodeId node = kStay; node < 20'000; ++node) {
    table.Insert(node * 7, node);
    if (node % 3 != 0) {
      table.Erase(node * 7, node);
    }
  }
  done.store(true);
  reader.join();
  EXPECT_EQ(lost.load(), 0);
}

}  // namespace
}  // namespace nearhit::record_table_test
