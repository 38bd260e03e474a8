// Snapshots that were damaged, and snapshots that somebody made up.

#include "index/snapshot.h"

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/coding.h"
#include "base/hash.h"
#include "nearhit/result.h"
#include "tests/index/must_search.h"
#include "tests/support/random_vectors.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit::snapshot_test {
namespace {

constexpr std::size_t kDimension = 8;
constexpr std::size_t kHeaderBytes = 26;
constexpr std::size_t kFrameBytes = 8;  // of none
constexpr std::uint8_t kFlat = 0;
constexpr std::uint8_t kGraph = 1;

void PutNoFrame(std::string* bytes) {
  PutFixed(bytes, std::uint32_t{0});
  PutFixed(bytes, 1.0F);
}

std::string Sealed(std::string bytes) {
  PutFixed(&bytes, Hash64(bytes));
  return bytes;
}

Result<std::unique_ptr<PartitionIndex>> Decode(std::string_view bytes,
                                               Encoding encoding = Encoding::kInt8) {
  auto index = std::make_unique<PartitionIndex>(kDimension, IndexMetric::kDot, encoding);
  NEARHIT_RETURN_IF_ERROR(DecodeSnapshot(bytes, index.get()));
  return index;
}

// The parameter: whether the index has become a graph.
class SnapshotFileTest : public testing::TestWithParam<bool> {
 protected:
  std::string Snapshot(std::size_t entries) {
    RandomVectors random(kDimension, 5, 3);
    PartitionIndex index(kDimension, IndexMetric::kDot, Encoding::kInt8);
    for (std::uint64_t i = 1; i <= entries; ++i) {
      vectors_.push_back(random.Next());
      EXPECT_THAT(index.Add(EntryId{i}, vectors_.back()), IsOk());
    }
    if (GetParam()) {
      index.Move();
    }
    EXPECT_TRUE(index.Erase(EntryId{1}));
    EXPECT_EQ(index.is_graph(), GetParam());
    return EncodeSnapshot(index, 42);
  }
  std::vector<std::vector<float>> vectors_;
};

TEST_P(SnapshotFileTest, LoadsWhatWasWritten) {
  const TempDir dir;
  const auto path = dir.path() / "1-1.index";
  PartitionIndex loaded(kDimension, IndexMetric::kDot, Encoding::kInt8);
  EXPECT_THAT(LoadSnapshot(path, &loaded), StatusIs(StatusCode::kNotFound));
  const auto index = *Decode(Snapshot(500));
  ASSERT_THAT(WriteSnapshot(path, *index, 42), IsOk());
  ASSERT_THAT(LoadSnapshot(path, &loaded), IsOk());
  EXPECT_EQ(loaded.is_graph(), GetParam());
  ASSERT_EQ(loaded.size(), 499U);
  SearchStats stats;
  std::size_t found = 0;
  for (std::size_t i = 1; i < vectors_.size(); ++i) {
    found += MustSearch(loaded, vectors_[i], {.k = 1}, &stats).at(0).id == EntryId{i + 1} ? 1U : 0U;
  }
  EXPECT_GE(found, 480U);  // near-duplicates may share a code
}

TEST_P(SnapshotFileTest, EveryTruncationAndFlippedByteIsDataLoss) {
  const std::string good = Snapshot(20);
  ASSERT_THAT(Decode(good), IsOk());
  for (std::size_t at = 0; at < good.size(); ++at) {
    EXPECT_THAT(Decode(good.substr(0, at)), StatusIs(StatusCode::kDataLoss)) << at;
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x41);
    EXPECT_THAT(Decode(bad), StatusIs(StatusCode::kDataLoss)) << at;
  }
  EXPECT_THAT(Decode(good + "x"), StatusIs(StatusCode::kDataLoss));
}

// Wrong contents under a right checksum: refused, or an index that can be searched and changed.
TEST_P(SnapshotFileTest, AForgedBodyIsRefusedOrHarmless) {
  const std::string good = Snapshot(20);
  const std::string body = good.substr(0, good.size() - 8);
  std::size_t refused = 0;
  for (std::size_t at = kHeaderBytes; at < body.size(); ++at) {
    for (const int flip : {0x01, 0x7f, 0x80, 0xff}) {
      std::string bad = body;
      bad[at] = static_cast<char>(bad[at] ^ flip);
      const auto loaded = Decode(Sealed(bad));
      if (!loaded.ok()) {
        ASSERT_THAT(loaded, StatusIs(StatusCode::kDataLoss)) << at;
        ++refused;
        continue;
      }
      SearchStats stats;
      EXPECT_LE(MustSearch(**loaded, vectors_[0], {.k = 30}, &stats).size(), 19U);
      ASSERT_THAT((*loaded)->Add(EntryId{1'000}, vectors_[0]), IsOk());
      for (const EntryId id : (*loaded)->Ids()) {
        ASSERT_TRUE((*loaded)->Erase(id));
      }
    }
  }
  // In a flat body almost every byte is part of some vector or id.
  EXPECT_GT(refused, GetParam() ? body.size() / 4 : 0);
}

TEST_P(SnapshotFileTest, AForgedCutIsRefused) {
  const std::string good = Snapshot(20);
  const std::size_t entry_bytes =
      8 + 4 + Codec(kDimension, IndexMetric::kDot, Encoding::kInt8).record_bytes();
  constexpr std::size_t kEntries = kHeaderBytes + 1 + kFrameBytes;
  for (std::size_t at = 0; at + 8 < good.size(); ++at) {
    const bool whole_entries = !GetParam() && at >= kEntries && (at - kEntries) % entry_bytes == 0;
    EXPECT_EQ(Decode(Sealed(good.substr(0, at))).ok(), whole_entries) << at;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, SnapshotFileTest, testing::Bool(), [](const auto& param_info) {
  return param_info.param ? "Graph" : "Flat";
});

// A graph made by hand, field by field.
struct Node {
  std::int32_t level = 0;
  std::uint64_t id = 0;
  std::vector<std::vector<std::uint32_t>> links = {{}};  // by level
  std::vector<float> vector = std::vector<float>(kDimension, 0.25F);
  std::vector<std::uint64_t> copies = {};
};

std::string Forge(const std::vector<Node>& nodes, std::uint32_t entry, std::int32_t entry_level) {
  const PartitionIndex empty(kDimension, IndexMetric::kDot, Encoding::kFloat32);
  std::string bytes = EncodeSnapshot(empty, 1).substr(0, kHeaderBytes);
  PutFixed(&bytes, kGraph);
  PutNoFrame(&bytes);
  PutFixed(&bytes, static_cast<std::uint64_t>(nodes.size()));
  PutFixed(&bytes, entry);
  PutFixed(&bytes, entry_level);
  for (const Node& node : nodes) {
    PutFixed(&bytes, node.level);
    if (node.level < 0) {
      continue;
    }
    PutFixed(&bytes, node.id);
    PutFixed(&bytes, static_cast<std::uint32_t>(node.copies.size()));
    for (const std::uint64_t copy : node.copies) {
      PutFixed(&bytes, copy);
      PutFixed(&bytes, std::uint32_t{7});
    }
    for (const float component : node.vector) {
      PutFixed(&bytes, component);
    }
    for (const auto& links : node.links) {
      PutFixed(&bytes, static_cast<std::uint16_t>(links.size()));
      for (const std::uint32_t link : links) {
        PutFixed(&bytes, link);
      }
    }
  }
  return Sealed(bytes);
}

const std::vector<Node> kSound = {{.id = 1, .links = {{1}}}, {.id = 2, .links = {{0}}}};

std::vector<Node> With(std::size_t at, Node node) {
  std::vector<Node> nodes = kSound;
  nodes[at] = std::move(node);
  return nodes;
}

TEST(ForgedGraphTest, TheUnforgedOneLoads) {
  EXPECT_THAT(Decode(Forge(kSound, 0, 0), Encoding::kFloat32), IsOk());
  const auto copied =
      Decode(Forge(With(0, {.id = 0, .links = {{1}}, .copies = {3, 4}}), 0, 0), Encoding::kFloat32);
  ASSERT_THAT(copied, IsOk());
  EXPECT_EQ((*copied)->size(), 3U);
  EXPECT_TRUE((*copied)->Contains(EntryId{4}));
  EXPECT_FALSE((*copied)->Contains(EntryId{0}));
}

struct Forgery {
  std::string name;
  std::vector<Node> nodes;
  std::uint32_t entry = 0;
  std::int32_t entry_level = 0;
};

class ForgedGraphTest : public testing::TestWithParam<Forgery> {};

TEST_P(ForgedGraphTest, IsRefused) {
  const Forgery& forgery = GetParam();
  EXPECT_THAT(Decode(Forge(forgery.nodes, forgery.entry, forgery.entry_level), Encoding::kFloat32),
              StatusIs(StatusCode::kDataLoss));
}

const float kNan = std::numeric_limits<float>::quiet_NaN();
const std::vector<Forgery> kForgeries = {
    {.name = "LinkOutOfRange", .nodes = With(0, {.id = 1, .links = {{2}}})},
    {.name = "LinkToItself", .nodes = With(0, {.id = 1, .links = {{0}}})},
    {.name = "LinkTwice", .nodes = With(0, {.id = 1, .links = {{1, 1}}})},
    {.name = "LinkToAFreeSlot", .nodes = With(1, {.level = -1})},
    {.name = "LinkAboveTheLevelOfItsTarget",
     .nodes = With(0, {.level = 1, .id = 1, .links = {{1}, {1}}}),
     .entry_level = 1},
    {.name = "TooManyLinks",
     .nodes = With(0, {.id = 1, .links = {std::vector<std::uint32_t>(33, 1)}})},
    {.name = "LevelTooHigh", .nodes = With(0, {.level = 33, .id = 1}), .entry_level = 33},
    {.name = "LevelBelowFree", .nodes = With(0, {.level = -2, .id = 1})},
    {.name = "IdTwice", .nodes = With(1, {.id = 1, .links = {{0}}})},
    {.name = "ACopyOfAnotherNode", .nodes = With(1, {.id = 2, .links = {{0}}, .copies = {1}})},
    {.name = "ACopyTwice", .nodes = With(1, {.id = 2, .links = {{0}}, .copies = {3, 3}})},
    {.name = "ANodeOfNoEntry", .nodes = With(1, {.id = 0, .links = {{0}}})},
    {.name = "EntryOutOfRange", .nodes = kSound, .entry = 2},
    {.name = "EntryMissing", .nodes = kSound, .entry = 0xffffffff, .entry_level = -1},
    {.name = "EntryLevelTooHigh", .nodes = kSound, .entry_level = 1},
    {.name = "EntryBelowTheHighestLevel",
     .nodes = With(1, {.level = 1, .id = 2, .links = {{0}, {}}})},
    {.name = "EntryOfAnEmptyGraph", .nodes = {}},
    {.name = "VectorThatIsNone",
     .nodes = With(0, {.id = 1, .links = {{1}}, .vector = std::vector<float>(kDimension, kNan)})},
};

INSTANTIATE_TEST_SUITE_P(All, ForgedGraphTest, testing::ValuesIn(kForgeries),
                         [](const auto& param_info) { return param_info.param.name; });

std::string ForgeFlat(const std::vector<Node>& nodes) {
  const PartitionIndex empty(kDimension, IndexMetric::kDot, Encoding::kFloat32);
  std::string bytes = EncodeSnapshot(empty, 1).substr(0, kHeaderBytes);
  PutFixed(&bytes, kFlat);
  PutNoFrame(&bytes);
  for (const Node& node : nodes) {
    PutFixed(&bytes, node.id);
    PutFixed(&bytes, std::uint32_t{0});
    for (const float component : node.vector) {
      PutFixed(&bytes, component);
    }
  }
  return Sealed(bytes);
}

TEST(ForgedFlatTest, AnIdTwiceOrAVectorThatIsNoneIsRefused) {
  EXPECT_THAT(Decode(ForgeFlat({{.id = 1}, {.id = 2}}), Encoding::kFloat32), IsOk());
  EXPECT_THAT(Decode(ForgeFlat({{.id = 1}, {.id = 1}}), Encoding::kFloat32),
              StatusIs(StatusCode::kDataLoss));
  for (const float bad : {kNan, std::numeric_limits<float>::infinity(), 1e19F}) {
    EXPECT_THAT(Decode(ForgeFlat({{.id = 1, .vector = std::vector<float>(kDimension, bad)}}),
                       Encoding::kFloat32),
                StatusIs(StatusCode::kDataLoss));
  }
}

TEST(ForgedFlatTest, WhatIsRefusedLeavesTheIndexEmpty) {
  PartitionIndex index(kDimension, IndexMetric::kDot, Encoding::kFloat32);
  EXPECT_THAT(DecodeSnapshot(ForgeFlat({{.id = 1}, {.id = 2}, {.id = 1}}), &index),
              StatusIs(StatusCode::kDataLoss));
  EXPECT_EQ(index.size(), 0U);
}

}  // namespace
}  // namespace nearhit::snapshot_test
