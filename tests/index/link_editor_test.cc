#include "index/link_editor.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <set>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/random_vectors.h"
#include "tests/support/status_matchers.h"

namespace nearhit::link_editor_test {
namespace {

constexpr std::size_t kDimension = 16;
constexpr NodeId kEntry = 0;
constexpr NodeId kFirst = 300;  // nodes that are there from the beginning

// A graph of one level whose changes are published list by list.
class LinkEditorTest : public testing::Test {
 protected:
  LinkEditorTest() {
    for (NodeId node = 0; node < kFirst; ++node) {
      Add(node);
      editor_.Publish();
    }
  }

  void Add(NodeId node) {
    graph_.Occupy(node, EntryId{node + std::uint64_t{1}}, /*level=*/0);
    codec_.Encode(random_.Next(0.3F), graph_.Record(node));
    if (node != kEntry) {
      editor_.Connect(node, 0, Found(node, GraphStore::kEfConstruction));
    }
  }
  std::vector<GraphCandidate> Found(NodeId query, std::size_t ef) {
    SearchStats stats;
    const GraphCandidate start{.score = 0, .node = kEntry};
    return SearchLevel(graph_, codec_.QueryOf(graph_.Record(query)), {&start, 1}, 0, {.ef = ef},
                       nullptr, &stats);
  }
  // As a reader sees it at this moment.
  std::set<NodeId> Reached() {
    std::set<NodeId> seen = {kEntry};
    std::vector<NodeId> stack = {kEntry};
    while (!stack.empty()) {
      const LiveLinks links = graph_.LiveLinksOf(stack.back(), 0);
      stack.pop_back();
      for (std::size_t i = 0; i < links.size(); ++i) {
        if (seen.insert(links[i]).second) {
          stack.push_back(links[i]);
        }
      }
    }
    return seen;
  }

  const Codec codec_{kDimension, IndexMetric::kDot, Encoding::kInt8};
  GraphStore graph_{codec_, 512, 1};
  LinkEditor editor_{&graph_};
  RandomVectors random_{kDimension, 10, 1};
};

// A reader may meet some words of a list before a change and some after it. Each link that stays is
// in a word that does not change, and in the list as it is then.
TEST_F(LinkEditorTest, ALinkThatStaysIsMetByWhoeverReadsMeanwhile) {
  std::mt19937 random(3);
  std::vector<NodeId> all(60);
  std::iota(all.begin(), all.end(), NodeId{100});
  for (int round = 0; round < 500; ++round) {
    const NodeId node = 5;
    std::shuffle(all.begin(), all.end(), random);
    graph_.SetLinks(node, 0, std::span(all).first(random() % (GraphStore::kMaxLinks0 + 1)));
    const std::span<const NodeId> live = graph_.Links(node, 0);
    const std::vector<NodeId> before(live.begin(), live.end());
    // Some of the list of before in another order, and some others.
    std::vector<NodeId> next(all.begin() + static_cast<std::ptrdiff_t>(random() % 20),
                             all.begin() + 40);
    std::shuffle(next.begin(), next.end(), random);
    next.resize(std::min<std::size_t>(next.size(), random() % (GraphStore::kMaxLinks0 + 1)));
    graph_.SetLinks(node, 0, next);
    const std::span<const NodeId> after = graph_.Links(node, 0);
    EXPECT_EQ(std::set<NodeId>(after.begin(), after.end()),
              std::set<NodeId>(next.begin(), next.end()));
    EXPECT_EQ(after.size(), next.size());
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (std::find(next.begin(), next.end(), before[i]) != next.end()) {
        EXPECT_EQ(after.data()[i], before[i]) << "word " << i;  // behind the list, maybe
      }
    }
  }
}

// Whatever part of a change readers see, they come to all that was there before and stays.
TEST_F(LinkEditorTest, EveryStepOfAnAdditionLeavesAllReachable) {
  for (NodeId node = kFirst; node < kFirst + 200; ++node) {
    Add(node);
    do {
      EXPECT_GE(Reached().size(), node) << "of those before " << node;
    } while (editor_.PublishNext());
    EXPECT_EQ(Reached().size(), node + 1U);
  }
  EXPECT_THAT(editor_.CheckInvariants(), IsOk());
}

TEST_F(LinkEditorTest, EveryStepOfATakingOutLeavesAllReachable) {
  for (NodeId node = 1; node < kFirst - 50; ++node) {
    editor_.Disconnect(node, 0);
    do {
      std::set<NodeId> reached = Reached();
      reached.erase(node);
      EXPECT_EQ(reached.size(), kFirst - node) << "after " << node;
    } while (editor_.PublishNext());
    graph_.Release(node);
    EXPECT_FALSE(Reached().contains(node));
  }
  EXPECT_THAT(editor_.CheckInvariants(), IsOk());
}

// A walk that came to a node before it was taken out goes on from there.
TEST_F(LinkEditorTest, WhatWasTakenOutStillLeadsOn) {
  const NodeId node = 7;
  const std::span<const NodeId> links = graph_.Links(node, 0);
  const std::vector<NodeId> before(links.begin(), links.end());
  ASSERT_FALSE(before.empty());
  editor_.Disconnect(node, 0);
  editor_.Publish();
  graph_.Release(node);
  const LiveLinks after = graph_.LiveLinksOf(node, 0);
  ASSERT_EQ(after.size(), before.size());
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i], before[i]);
  }
}

// Whoever comes to a node that is being added finds its links.
TEST_F(LinkEditorTest, ANodeHasItsLinksBeforeOthersLinkToIt) {
  for (NodeId node = kFirst; node < kFirst + 50; ++node) {
    Add(node);
    std::size_t links = 0;
    while (editor_.PublishNext()) {
      links = links == 0 ? graph_.LiveLinksOf(node, 0).size() : links;
      EXPECT_TRUE(links > 0 || !Reached().contains(node)) << node;
    }
    EXPECT_EQ(graph_.LiveLinksOf(node, 0).size(), links) << node;
  }
}

}  // namespace
}  // namespace nearhit::link_editor_test
