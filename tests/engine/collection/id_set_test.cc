// Sets of ids against std::set, over the size where a list becomes a bitmap.

#include "engine/collection/id_set.h"

#include <algorithm>
#include <iterator>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace nearhit {
namespace {

using Model = std::set<std::uint64_t>;

struct Pair {
  IdSet ids;
  Model model;

  void Insert(std::uint64_t id) {
    ids.Insert(EntryId{id});
    model.insert(id);
  }
};

void ExpectEqual(const IdSet& ids, const Model& model) {
  ASSERT_EQ(ids.size(), model.size());
  std::vector<std::uint64_t> values;
  for (const EntryId id : ids.Ids()) {
    values.push_back(id.value);
    EXPECT_TRUE(ids.Contains(id));
  }
  EXPECT_TRUE(std::equal(values.begin(), values.end(), model.begin(), model.end()));
}

// Ids of both halves of 64 bits, dense and not.
Pair RandomPair(std::size_t count, std::mt19937_64* random) {
  Pair pair;
  for (std::size_t i = 0; i < count; ++i) {
    pair.Insert((*random)() % 3 == 0 ? (std::uint64_t{1} << 40U) + (*random)() % 500
                                     : (*random)() % 300);
  }
  return pair;
}

TEST(IdSetTest, AgreesWithASetUnderRandomOperations) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 300; ++round) {
    Pair a = RandomPair(random() % 120, &random);
    const Pair b = RandomPair(random() % 120, &random);
    Model expected;
    switch (round % 3) {
      case 0:
        a.ids.Unite(b.ids);
        std::ranges::set_union(a.model, b.model, std::inserter(expected, expected.end()));
        break;
      case 1:
        a.ids.Intersect(b.ids);
        std::ranges::set_intersection(a.model, b.model, std::inserter(expected, expected.end()));
        break;
      default:
        a.ids.Subtract(b.ids);
        std::ranges::set_difference(a.model, b.model, std::inserter(expected, expected.end()));
    }
    ExpectEqual(a.ids, expected);
    for (const std::uint64_t id : Model(expected)) {
      if (random() % 2 == 0) {
        a.ids.Erase(EntryId{id});
        expected.erase(id);
      }
    }
    ExpectEqual(a.ids, expected);
    const IdSet copy = a.ids;
    ExpectEqual(copy, expected);
    EXPECT_FALSE(copy.Contains(EntryId{1'000'000}));
  }
}

}  // namespace
}  // namespace nearhit
