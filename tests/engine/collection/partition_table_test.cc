#include "engine/collection/partition_table.h"

#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace nearhit {
namespace {

PartitionPtr Make(PartitionNumber number, const Hash128& hash) {
  return PartitionPtr::Make(number, hash, "scope", IndexShape{.dimension = 8});
}

std::size_t PlaceOf(const PartitionTable& table, PartitionNumber number) {
  std::size_t place = 0;
  while (table.all()[place]->number != number) {
    ++place;
  }
  return place;
}

// 100,000 partitions in a process: what one takes is part of the contract.
TEST(PartitionTest, IsSmall) {
  EXPECT_LE(sizeof(Partition), 104U);
  EXPECT_EQ(sizeof(PartitionPtr), 8U);
}

TEST(PartitionTest, KeepsItsScopeUnlessItIsLong) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{36},
                                  kScopeBytesInMemory, kScopeBytesInMemory + 1, kMaxScopeBytes}) {
    const std::string scope(bytes, 'x');
    const PartitionPtr partition = PartitionPtr::Make(1, {}, scope, {.dimension = 8});
    EXPECT_EQ(partition->scope_is_long(), bytes > kScopeBytesInMemory);
    EXPECT_EQ(partition->scope_text(), partition->scope_is_long() ? "" : scope);
  }
}

TEST(PartitionPtrTest, KeepsItsPartitionUntilTheLastOneGoes) {
  PartitionPtr first = Make(1, {});
  Partition* const partition = first.get();
  std::optional<PartitionPtr> second = first;
  EXPECT_EQ(*second, first);
  PartitionPtr moved = std::move(first);
  moved = Make(2, {});
  EXPECT_EQ(moved->number, 2U);
  EXPECT_EQ(second->get(), partition);
  EXPECT_EQ((*second)->number, 1U);  // AddressSanitizer sees it freed too early, or never
  second.reset();
  moved = PartitionPtr();
  EXPECT_TRUE(moved == nullptr);
}

TEST(PartitionTableTest, FindsNothingWhenEmpty) {
  const PartitionTable table;
  EXPECT_TRUE(table.FindScope({.low = 1, .high = 2}) == nullptr);
  EXPECT_TRUE(table.FindNumber(1) == nullptr);
}

// Against maps, with hashes of which half the bits are those of others.
TEST(PartitionTableTest, BehavesAsTwoMaps) {
  std::mt19937 random(3);
  PartitionTable table;
  std::map<PartitionNumber, Hash128> numbers;
  std::map<Hash128, PartitionNumber> scopes;
  PartitionNumber next = 1;
  for (int step = 0; step < 20'000; ++step) {
    const Hash128 hash{.low = random() % 40, .high = random() % 10};
    const PartitionPtr found = table.FindScope(hash);
    ASSERT_EQ(found != nullptr, scopes.contains(hash));
    if (found == nullptr && (step / 2'000 % 2 == 0 || random() % 4 == 0)) {
      numbers[next] = hash;
      scopes[hash] = next;
      table.Insert(Make(next++, hash));
    } else if (found != nullptr) {
      ASSERT_EQ(found->number, scopes[hash]);
      ASSERT_EQ(table.FindNumber(found->number), found);
      if (step / 2'000 % 2 == 1 || random() % 8 == 0) {
        table.EraseAt(PlaceOf(table, found->number));
        numbers.erase(found->number);
        scopes.erase(hash);
        ASSERT_TRUE(table.FindNumber(found->number) == nullptr);
      }
    }
    ASSERT_EQ(table.size(), numbers.size());
  }
  for (const auto& [number, hash] : numbers) {
    EXPECT_EQ(table.FindNumber(number)->scope_hash, hash);
    EXPECT_EQ(table.FindScope(hash)->number, number);
  }
}

// Two rows of one scope are left when dropping the first failed in storage. The later one is the
// one that is written to.
TEST(PartitionTableTest, OfOneHashTheLastIsFoundByIt) {
  const Hash128 hash{.low = 5, .high = 6};
  for (const PartitionNumber dropped : {1U, 2U}) {
    PartitionTable table;
    table.Insert(Make(1, hash));
    table.Insert(Make(2, hash));
    table.Insert(Make(3, {.low = 5, .high = 7}));
    EXPECT_EQ(table.FindScope(hash)->number, 2U);
    EXPECT_EQ(table.FindNumber(1)->number, 1U);
    table.EraseAt(PlaceOf(table, dropped));
    EXPECT_EQ(table.FindScope(hash) != nullptr, dropped == 1U);
    EXPECT_EQ(table.FindNumber(3 - dropped)->number, 3 - dropped);
    EXPECT_EQ(table.FindScope({.low = 5, .high = 7})->number, 3U);
    table.Insert(Make(4, hash));
    EXPECT_EQ(table.FindScope(hash)->number, 4U);
  }
}

// The one that comes into the hole is not found by its hash: that does not change.
TEST(PartitionTableTest, AnOlderOneOfAHashMovesAndIsStillFoundByNumberOnly) {
  const Hash128 hash{.low = 5, .high = 6};
  PartitionTable table;
  table.Insert(Make(1, {.low = 1, .high = 1}));
  table.Insert(Make(2, {.low = 2, .high = 2}));
  table.Insert(Make(3, hash));
  table.Insert(Make(4, hash));
  table.EraseAt(PlaceOf(table, 1));  // 4 comes to its place, and 3 is the last
  table.EraseAt(PlaceOf(table, 2));
  EXPECT_EQ(table.FindScope(hash)->number, 4U);
  EXPECT_EQ(table.FindNumber(3)->number, 3U);
}

}  // namespace
}  // namespace nearhit
