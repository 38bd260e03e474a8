// Small graphs with given levels, whose links are worked out by hand.
//
// The rules are those of the HNSW paper. A new node is linked, both ways, to the candidates that
// the heuristic selects: from the nearest on, each one that is nearer to the new node than to every
// one selected before. When a node leaves, each node that linked to it gets up to three of its
// links, by the same heuristic, or the nearest of them.

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/coding.h"
#include "index/hnsw_index.h"
#include "tests/support/status_matchers.h"

namespace nearhit::hnsw_graph_test {
namespace {

// Of each node of a level, by id: the ids that it links to, in ascending order.
using Links = std::map<std::uint64_t, std::vector<std::uint64_t>>;

struct Graph {
  std::uint64_t entry = 0;  // 0: the graph is empty
  int entry_level = -1;
  std::vector<Links> levels{};
};

// Reads the body of a graph (docs/formats.md).
Graph GraphOf(const HnswIndex& index, const Codec& codec) {
  std::string bytes;
  index.Serialize(&bytes);
  ByteReader reader(bytes);
  const auto slots = reader.Fixed<std::uint64_t>();
  const auto entry = reader.Fixed<std::uint32_t>();
  Graph graph{.entry_level = reader.Fixed<std::int32_t>()};
  std::vector<std::uint64_t> ids(slots);
  std::vector<std::vector<std::vector<std::uint32_t>>> links(slots);  // by slot and level
  for (std::size_t slot = 0; slot < slots; ++slot) {
    const auto level = reader.Fixed<std::int32_t>();
    if (level < 0) {
      continue;
    }
    ids[slot] = reader.Fixed<std::uint64_t>();
    EXPECT_EQ(reader.Fixed<std::uint32_t>(), 0U);  // no other entries with the same codes
    reader.Raw(codec.record_bytes());
    links[slot].resize(static_cast<std::size_t>(level) + 1);
    for (std::vector<std::uint32_t>& targets : links[slot]) {
      targets.resize(reader.Fixed<std::uint16_t>());
      std::generate(targets.begin(), targets.end(), [&] { return reader.Fixed<std::uint32_t>(); });
    }
  }
  EXPECT_TRUE(reader.AtEnd());
  for (std::size_t slot = 0; slot < slots; ++slot) {
    graph.levels.resize(std::max(graph.levels.size(), links[slot].size()));
    for (std::size_t level = 0; level < links[slot].size(); ++level) {
      std::vector<std::uint64_t>& targets = graph.levels[level][ids[slot]];
      for (const std::uint32_t target : links[slot][level]) {
        targets.push_back(ids[target]);
      }
      std::sort(targets.begin(), targets.end());
    }
  }
  graph.entry = entry < slots ? ids[entry] : 0;
  return graph;
}

template <std::size_t kDimension>
class HnswGraphTest : public testing::Test {
 protected:
  void Add(std::uint64_t id, const std::vector<float>& point, int level) {
    level_ = level;
    ASSERT_THAT(index_.Add(EntryId{id}, point), IsOk());
  }
  Graph Now() const {
    EXPECT_THAT(index_.CheckInvariants(), IsOk());
    return GraphOf(index_, codec_);
  }

  int level_ = 0;
  const Codec codec_{kDimension, IndexMetric::kL2, Encoding::kFloat32};
  HnswIndex index_{codec_, /*capacity=*/16, [this] { return level_; }};
};

// Points on a line, named by where they are: the heuristic selects the nearest on either side.
class HnswLineTest : public HnswGraphTest<1> {
 protected:
  void AddAt(std::uint64_t position, int level) {
    Add(position, {static_cast<float>(position)}, level);
  }
  void AddEight() {
    AddAt(1, 0);
    AddAt(10, 1);
    AddAt(4, 0);
    AddAt(20, 2);
    AddAt(14, 1);
    AddAt(6, 0);
    AddAt(2, 1);
    AddAt(30, 2);
  }
};

TEST_F(HnswLineTest, ANewNodeIsLinkedToTheNearestOnEitherSide) {
  AddAt(1, 0);
  EXPECT_EQ(Now().levels, (std::vector<Links>{{{1, {}}}}));
  AddAt(10, 0);
  EXPECT_EQ(Now().levels, (std::vector<Links>{{{1, {10}}, {10, {1}}}}));
  AddAt(4, 0);
  EXPECT_EQ(Now().levels, (std::vector<Links>{{{1, {4, 10}}, {4, {1, 10}}, {10, {1, 4}}}}));
  AddAt(12, 0);
  EXPECT_EQ(Now().levels, (std::vector<Links>{
                              {{1, {4, 10}}, {4, {1, 10}}, {10, {1, 4, 12}}, {12, {10}}},
                          }));
}

TEST_F(HnswLineTest, EachLevelIsAGraphOfTheNodesThatReachIt) {
  AddEight();
  const Graph graph = Now();
  ASSERT_EQ(graph.levels.size(), 3U);
  EXPECT_EQ(graph.levels[0], (Links{{1, {2, 4, 10}},
                                    {2, {1, 4}},
                                    {4, {1, 2, 6, 10}},
                                    {6, {4, 10}},
                                    {10, {1, 4, 6, 14, 20}},
                                    {14, {10, 20}},
                                    {20, {10, 14, 30}},
                                    {30, {20}}}));
  EXPECT_EQ(graph.levels[1],
            (Links{{2, {10}}, {10, {2, 14, 20}}, {14, {10, 20}}, {20, {10, 14, 30}}, {30, {20}}}));
  EXPECT_EQ(graph.levels[2], (Links{{20, {30}}, {30, {20}}}));
}

TEST_F(HnswLineTest, TheEntryIsTheFirstNodeOfTheHighestLevel) {
  EXPECT_EQ(Now().entry, 0U);
  AddAt(1, 0);
  EXPECT_EQ(Now().entry, 1U);
  AddAt(10, 1);
  EXPECT_EQ(Now().entry, 10U);
  AddAt(20, 3);
  EXPECT_EQ(Now().entry, 20U);
  AddAt(30, 3);
  EXPECT_EQ(Now().entry, 20U);
  EXPECT_EQ(Now().entry_level, 3);
}

// On level 0, 10 had links to 1, 4, 6, 14 and 20. 6 and 14 get each other, by the heuristic. For 1,
// 4 and 20 each candidate is nearer to one of their links than to them: they get the nearest one.
TEST_F(HnswLineTest, LinksOfANodeThatLeavesGoToThoseThatLinkedToIt) {
  AddEight();
  ASSERT_TRUE(index_.Erase(EntryId{10}));
  const Graph graph = Now();
  ASSERT_EQ(graph.levels.size(), 3U);
  EXPECT_EQ(graph.levels[0], (Links{{1, {2, 4, 6}},
                                    {2, {1, 4}},
                                    {4, {1, 2, 6, 14}},
                                    {6, {4, 14}},
                                    {14, {6, 20}},
                                    {20, {6, 14, 30}},
                                    {30, {20}}}));
  EXPECT_EQ(graph.levels[1], (Links{{2, {14}}, {14, {2, 20}}, {20, {2, 14, 30}}, {30, {20}}}));
  EXPECT_EQ(graph.levels[2], (Links{{20, {30}}, {30, {20}}}));
  EXPECT_EQ(graph.entry, 20U);
}

TEST_F(HnswLineTest, WhenTheEntryLeavesANodeOfTheHighestLevelReplacesIt) {
  AddEight();
  ASSERT_TRUE(index_.Erase(EntryId{20}));
  EXPECT_EQ(Now().entry, 30U);
  EXPECT_EQ(Now().levels.at(2), (Links{{30, {}}}));
  ASSERT_TRUE(index_.Erase(EntryId{30}));
  EXPECT_EQ(Now().levels.size(), 2U);
  EXPECT_EQ(Now().entry_level, 1);
  EXPECT_THAT(Now().entry, testing::AnyOf(2U, 10U, 14U));
}

TEST_F(HnswLineTest, ANodeThatComesAfterAnotherLeftIsLinkedAsAnyOther) {
  AddEight();
  ASSERT_TRUE(index_.Erase(EntryId{10}));
  AddAt(9, 1);
  const Graph graph = Now();
  EXPECT_EQ(graph.levels[0].at(9), (std::vector<std::uint64_t>{6, 14}));
  EXPECT_EQ(graph.levels[0].at(6), (std::vector<std::uint64_t>{4, 9, 14}));
  EXPECT_EQ(graph.levels[0].at(14), (std::vector<std::uint64_t>{6, 9, 20}));
  EXPECT_EQ(graph.levels[1].at(9), (std::vector<std::uint64_t>{2, 14}));
}

// Squared distances from 9, at (0, 0): 1 has 4, 2 has 10, 3 has 13, 4 has 16, 5 has 26, 6 has 40.
// 1 is selected. 2 and 3 have 2 and 9 to 1: too near. 4 and 5 are selected, each farther from 1 and
// from each other. 6 has 8 to 4.
class HnswPlaneTest : public HnswGraphTest<2> {};

TEST_F(HnswPlaneTest, CandidatesBehindASelectedOneAreNotLinked) {
  Add(5, {-1, 5}, 0);
  Add(6, {-2, -6}, 0);
  Add(3, {2, 3}, 0);
  Add(2, {3, 1}, 0);
  Add(4, {0, -4}, 0);
  Add(1, {2, 0}, 0);
  Add(9, {0, 0}, 0);
  const Graph graph = Now();
  EXPECT_EQ(graph.levels[0].at(9), (std::vector<std::uint64_t>{1, 4, 5}));
  for (const std::uint64_t linked : {1U, 4U, 5U}) {
    EXPECT_THAT(graph.levels[0].at(linked), testing::Contains(9U));
  }
  for (const std::uint64_t other : {2U, 3U, 6U}) {
    EXPECT_THAT(graph.levels[0].at(other), testing::Not(testing::Contains(9U)));
  }
}

// A hub in the origin and a node on each half of eight axes. Two of these have a squared distance
// of 2 or 4, and 1 to the hub: each is linked to the hub only, which has 16 links then, as many as
// a node may have on level 1.
class HnswStarTest : public HnswGraphTest<8> {
 protected:
  static constexpr std::uint64_t kHub = 100;
  void AddStar() {
    Add(kHub, std::vector<float>(8), 1);
    for (std::uint64_t id = 1; id <= 16; ++id) {
      std::vector<float> point(8);
      point[(id - 1) / 2] = id % 2 == 0 ? -1 : 1;
      Add(id, point, 1);
    }
  }
};

TEST_F(HnswStarTest, EachRayIsLinkedToTheHubOnly) {
  AddStar();
  const Graph graph = Now();
  for (const Links& links : graph.levels) {
    EXPECT_EQ(links.at(kHub).size(), 16U);
    for (std::uint64_t id = 1; id <= 16; ++id) {
      EXPECT_EQ(links.at(id), std::vector{kHub});
    }
  }
}

// 17 is on the first axis, between the hub and 1. The hub is full on level 1 and gives up the link
// to 1, which 17 is nearer to; no other node links to the rest. On level 0 there is room for both.
TEST_F(HnswStarTest, AFullNodeGivesUpALinkThatTheNewOneHas) {
  AddStar();
  Add(17, {0.625F, 0, 0, 0, 0, 0, 0, 0}, 1);
  const Graph graph = Now();
  ASSERT_EQ(graph.levels.size(), 2U);
  for (const Links& links : graph.levels) {
    EXPECT_EQ(links.at(17), (std::vector<std::uint64_t>{1, kHub}));
    EXPECT_EQ(links.at(1), (std::vector<std::uint64_t>{17, kHub}));
  }
  EXPECT_EQ(graph.levels[0].at(kHub).size(), 17U);
  EXPECT_EQ(graph.levels[1].at(kHub).size(), 16U);
  EXPECT_THAT(graph.levels[1].at(kHub), testing::Contains(17U));
  EXPECT_THAT(graph.levels[1].at(kHub), testing::Not(testing::Contains(1U)));
}

}  // namespace
}  // namespace nearhit::hnsw_graph_test
