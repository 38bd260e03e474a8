#include "bench/workload/measure.h"

#include <atomic>

#include <gtest/gtest.h>

namespace nearhit::bench {
namespace {

TEST(MeasureTest, CallsEachIndexOnce) {
  std::vector<std::atomic<int>> calls(1'000);
  const Timing timing = TimeCalls(calls.size(), /*threads=*/3, [&](std::size_t i) { ++calls[i]; });
  for (const auto& count : calls) {
    EXPECT_EQ(count, 1);
  }
  EXPECT_EQ(timing.micros.size(), calls.size());
  EXPECT_GT(timing.seconds, 0);
}

TEST(MeasureTest, QuantileIsANearestRank) {
  EXPECT_EQ(Quantile({}, 0.5), 0);
  EXPECT_EQ(Quantile({3, 1, 2}, 0.5), 2);
  EXPECT_EQ(Quantile({3, 1, 2}, 0), 1);
  EXPECT_EQ(Quantile({3, 1, 2}, 1), 3);
  EXPECT_EQ(Median({4, 1, 3, 2}), 2);
}

TEST(MeasureTest, ResidentMemoryIsKnown) {
  EXPECT_GT(ResidentBytes(), std::size_t{1} << 20);
}

}  // namespace
}  // namespace nearhit::bench
