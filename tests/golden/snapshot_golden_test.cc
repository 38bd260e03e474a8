// Index snapshots of version 4: they load, and the same index is written as the same bytes.

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/coding.h"
#include "base/hash.h"
#include "index/snapshot.h"
#include "nearhit/result.h"
#include "tests/golden/golden.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

constexpr std::size_t kDimension = 4;
constexpr int kVersion = 4;

struct Case {
  std::string name;
  bool graph = false;
  Encoding encoding = Encoding::kInt8;
};

std::vector<float> Vector(std::uint64_t i) {
  // Sums of few powers of two: the same on every machine.
  return {0.5F, static_cast<float>(i % 3) * 0.25F, static_cast<float>(i % 5) * -0.125F, 1};
}

class SnapshotGoldenTest : public testing::TestWithParam<Case> {
 protected:
  SnapshotGoldenTest() {
    for (std::uint64_t i = 1; i <= 8; ++i) {
      EXPECT_THAT(index_.Add(EntryId{i}, Vector(i)), IsOk());
    }
    if (GetParam().graph) {
      index_.Move();
      EXPECT_TRUE(index_.Erase(EntryId{3}));  // leaves a free slot in the file
    }
  }
  Result<std::unique_ptr<PartitionIndex>> Decode(std::string_view bytes) const {
    auto index =
        std::make_unique<PartitionIndex>(kDimension, IndexMetric::kDot, GetParam().encoding);
    NEARHIT_RETURN_IF_ERROR(DecodeSnapshot(bytes, index.get()));
    return index;
  }
  PartitionIndex index_{kDimension, IndexMetric::kDot, GetParam().encoding};
};

// By what was read, as links have no order: how a graph was built may change theirs.
TEST_P(SnapshotGoldenTest, TodaysSnapshotIsTheBytesOfTheVersion) {
  const std::string golden =
      Golden(GetParam().name, EncodeSnapshot(index_, /*sequence=*/77), kVersion);
  const auto loaded = Decode(golden);
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ(ToHex(EncodeSnapshot(**loaded, /*sequence=*/77)), ToHex(golden));
}

TEST_P(SnapshotGoldenTest, ASnapshotOfTheVersionLoads) {
  const auto loaded = Decode(Golden(GetParam().name, {}, kVersion));
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ((*loaded)->is_graph(), GetParam().graph);
  ASSERT_EQ((*loaded)->size(), index_.size());
  for (const EntryId id : index_.Ids()) {
    std::vector<float> vector(kDimension);
    ASSERT_TRUE((*loaded)->Reconstruct(id, vector));
    for (std::size_t i = 0; i < kDimension; ++i) {
      EXPECT_NEAR(vector[i], Vector(id.value)[i], 0.005F);
    }
    SearchStats stats;
    EXPECT_EQ((*loaded)->Search(vector, {.k = 8}, &stats)->size(), index_.size());
  }
}

TEST_P(SnapshotGoldenTest, TheNextVersionIsRefusedByNumber) {
  std::string next = Golden(GetParam().name, {}, kVersion);
  ASSERT_GT(next.size(), 8U);
  next.resize(next.size() - 8);
  next[8] = 5;
  PutFixed(&next, Hash64(next));
  EXPECT_THAT(Decode(next),
              StatusIs(StatusCode::kFailedPrecondition,
                       testing::HasSubstr("snapshot version 5 is not readable by this build")));
}

TEST_P(SnapshotGoldenTest, EarlierVersionsAreRefusedByNumber) {
  for (const int version : {1, 2, 3}) {
    EXPECT_THAT(Decode(Golden(GetParam().name, {}, version)),
                StatusIs(StatusCode::kFailedPrecondition,
                         testing::HasSubstr("snapshot version " + std::to_string(version) +
                                            " is not readable by this build")));
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, SnapshotGoldenTest,
                         testing::Values(Case{.name = "snapshot_flat"},
                                         Case{.name = "snapshot_graph", .graph = true},
                                         Case{.name = "snapshot_graph_float32",
                                              .graph = true,
                                              .encoding = Encoding::kFloat32}),
                         [](const auto& param_info) {
                           std::string name = param_info.param.name.substr(9);
                           std::erase(name, '_');
                           return name;
                         });

}  // namespace
}  // namespace nearhit
