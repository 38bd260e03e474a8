#include "index/hnsw_search.h"

#include <cmath>
#include <initializer_list>
#include <span>
#include <vector>

#include <gtest/gtest.h>

namespace nearhit::hnsw_search_test {
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
  std::vector<NodeId> Reached(std::size_t width) {
    std::vector<NodeId> nodes;
    for (const GraphCandidate& candidate :
         Descend(graph_, {.node = entry_, .level = kTop}, query_, 0, width, &stats_)) {
      nodes.push_back(candidate.node);
    }
    return nodes;
  }

  const Codec codec_{kDimension, IndexMetric::kDot, Encoding::kFloat32};
  const EncodedQuery query_ = codec_.EncodeQuery(std::vector<float>{1, 0, 0, 0, 0, 0, 0, 0});
  GraphStore graph_{codec_, 64, 1};
  const NodeId entry_ = Add(0.1F);
  const NodeId better_ = Add(0.6F);
  const NodeId worse_ = Add(0.5F);
  const NodeId nearest_ = Add(0.9F);
  SearchStats stats_;
};

// The way to the nearest node begins at the second best.
TEST_F(HnswSearchTest, AWideDescentLeavesWhereAGreedyOneIsStuck) {
  Link(entry_, 1, {better_, worse_});
  Link(better_, 1, {entry_});
  Link(worse_, 1, {nearest_, entry_});
  Link(nearest_, 1, {worse_});
  EXPECT_EQ(Reached(1), std::vector{better_});
  EXPECT_EQ(Reached(3), (std::vector{nearest_, better_, worse_}));
}

// What the second level above found is all walked from on the first.
TEST_F(HnswSearchTest, AWideDescentBeginsALevelFromAllThatTheOneAboveFound) {
  Link(entry_, 2, {better_, worse_});
  Link(worse_, 1, {nearest_});
  EXPECT_EQ(Reached(1), std::vector{better_});
  EXPECT_EQ(Reached(2), (std::vector{nearest_, better_}));
}

// Higher levels are gone down one node at a time, whatever the width.
TEST_F(HnswSearchTest, OnlyTheLastLevelsAreWide) {
  Link(entry_, 3, {better_, worse_});
  Link(worse_, 2, {nearest_});
  EXPECT_EQ(Reached(4), std::vector{better_});
}

TEST_F(HnswSearchTest, NothingIsAboveTheEntry) {
  Link(entry_, 1, {nearest_});
  const auto found =
      Descend(graph_, {.node = entry_, .level = 1}, query_, /*level=*/1, /*width=*/4, &stats_);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().node, entry_);
  EXPECT_NEAR(found.front().score, 0.1F, 1e-6F);
}

// A start counts as a result, and several starts lead where one does not.
TEST_F(HnswSearchTest, AWalkGoesOnFromAllItsStarts) {
  Link(worse_, 0, {nearest_});
  const std::vector<GraphCandidate> starts = {{.score = 0.6F, .node = better_},
                                              {.score = 0.5F, .node = worse_}};
  const auto from = [&](std::size_t count) {
    std::vector<NodeId> nodes;
    for (const GraphCandidate& candidate :
         SearchLevel(graph_, query_, std::span(starts).first(count), /*level=*/0, {.ef = 4},
                     /*filtered=*/nullptr, &stats_)) {
      nodes.push_back(candidate.node);
    }
    return nodes;
  };
  EXPECT_EQ(from(1), std::vector{better_});
  EXPECT_EQ(from(2), (std::vector{nearest_, better_, worse_}));
}

}  // namespace
}  // namespace nearhit::hnsw_search_test
