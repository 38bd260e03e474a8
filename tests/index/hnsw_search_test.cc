#include "index/hnsw_search.h"

#include <cmath>
#include <initializer_list>
#include <vector>

#include <gtest/gtest.h>

namespace nearhit {
namespace {

constexpr std::size_t kDimension = 8;
constexpr int kTop = 3;

// A graph whose nodes are on all levels and have the scores that a test gives them.
class HnswSearchTest : public testing::Test {
 protected:
  NodeId Add(float score) {
    const auto node = static_cast<NodeId>(graph_.slots());
    graph_.Occupy(node, EntryId{node + std::uint64_t{1}}, kTop);
    std::vector<float> vector(kDimension);
    vector[0] = score;
    vector[1] = std::sqrt(1 - score * score);
    codec_.Encode(vector, graph_.Record(node));
    return node;
  }
  void Link(NodeId from, int level, std::initializer_list<NodeId> to) {
    const std::vector<NodeId> links = to;
    graph_.SetLinks(from, level, links);
  }
  std::vector<NodeId> Reached(NodeId entry, std::size_t width) {
    std::vector<NodeId> nodes;
    for (const GraphCandidate& candidate :
         Descend(graph_, {.node = entry, .level = kTop}, query_, 0, width, &stats_)) {
      nodes.push_back(candidate.node);
    }
    return nodes;
  }

  const Codec codec_{kDimension, IndexMetric::kDot, Encoding::kFloat32};
  const EncodedQuery query_ = codec_.EncodeQuery(std::vector<float>{1, 0, 0, 0, 0, 0, 0, 0});
  GraphStore graph_{codec_, 64, 1};
  SearchStats stats_;
};

// The way to the nearest node begins at the second best.
TEST_F(HnswSearchTest, AWideDescentLeavesWhereAGreedyOneIsStuck) {
  const NodeId entry = Add(0.1F);
  const NodeId dead_end = Add(0.6F);
  const NodeId way = Add(0.5F);
  const NodeId nearest = Add(0.9F);
  Link(entry, 1, {dead_end, way});
  Link(dead_end, 1, {entry});
  Link(way, 1, {nearest, entry});
  Link(nearest, 1, {way});
  EXPECT_EQ(Reached(entry, 1), std::vector{dead_end});
  EXPECT_EQ(Reached(entry, 3), (std::vector{nearest, dead_end, way}));
}

// What the second level above found is all walked from on the first.
TEST_F(HnswSearchTest, AWideDescentBeginsALevelFromAllThatTheOneAboveFound) {
  const NodeId entry = Add(0.1F);
  const NodeId better = Add(0.6F);
  const NodeId worse = Add(0.5F);
  const NodeId nearest = Add(0.9F);
  Link(entry, 2, {better, worse});
  Link(worse, 1, {nearest});
  EXPECT_EQ(Reached(entry, 1), std::vector{better});
  EXPECT_EQ(Reached(entry, 2), (std::vector{nearest, better}));
}

// Higher levels are gone down one node at a time, whatever the width.
TEST_F(HnswSearchTest, OnlyTheLastLevelsAreWide) {
  const NodeId entry = Add(0.1F);
  const NodeId better = Add(0.6F);
  const NodeId worse = Add(0.5F);
  const NodeId nearest = Add(0.9F);
  Link(entry, 3, {better, worse});
  Link(worse, 2, {nearest});
  EXPECT_EQ(Reached(entry, 4), std::vector{better});
}

TEST_F(HnswSearchTest, NothingIsAboveTheEntry) {
  const NodeId entry = Add(0.1F);
  Link(entry, 1, {Add(0.9F)});
  const auto found =
      Descend(graph_, {.node = entry, .level = 1}, query_, /*level=*/1, /*width=*/4, &stats_);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().node, entry);
  EXPECT_NEAR(found.front().score, 0.1F, 1e-6F);
}

// A start counts as a result, and several starts lead where one does not.
TEST_F(HnswSearchTest, AWalkGoesOnFromAllItsStarts) {
  const NodeId first = Add(0.6F);
  const NodeId second = Add(0.5F);
  const NodeId nearest = Add(0.9F);
  Link(second, 0, {nearest});
  const std::vector<GraphCandidate> starts = {{.score = 0.6F, .node = first},
                                              {.score = 0.5F, .node = second}};
  const auto from = [&](std::size_t count) {
    std::vector<NodeId> nodes;
    for (const GraphCandidate& candidate :
         SearchLevel(graph_, query_, std::span(starts).first(count), /*level=*/0, {.ef = 4},
                     /*filter=*/nullptr, &stats_)) {
      nodes.push_back(candidate.node);
    }
    return nodes;
  };
  EXPECT_EQ(from(1), std::vector{first});
  EXPECT_EQ(from(2), (std::vector{nearest, first, second}));
}

}  // namespace
}  // namespace nearhit
