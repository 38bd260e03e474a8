#include "bench/workload/latency_histogram.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace nearhit::bench {
namespace {

TEST(LatencyHistogramTest, AnswersZeroWhenEmpty) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.Quantile(0.5), 0U);
  EXPECT_EQ(histogram.mean_nanos(), 0);
}

TEST(LatencyHistogramTest, KeepsSmallValuesExactly) {
  LatencyHistogram histogram;
  for (std::uint64_t nanos = 1; nanos <= 100; ++nanos) {
    histogram.Record(nanos);
  }
  EXPECT_EQ(histogram.Quantile(0), 1U);
  EXPECT_EQ(histogram.Quantile(0.5), 50U);
  EXPECT_EQ(histogram.Quantile(0.99), 99U);
  EXPECT_EQ(histogram.Quantile(1), 100U);
  EXPECT_EQ(histogram.mean_nanos(), 50.5);
}

TEST(LatencyHistogramTest, IsNeverOffByMoreThanItsResolution) {
  for (std::uint64_t nanos = 1; nanos < LatencyHistogram::kMaxNanos / 3; nanos = nanos * 3 + 1) {
    LatencyHistogram histogram;
    histogram.Record(nanos);
    histogram.Record(LatencyHistogram::kMaxNanos);  // so that the maximum does not help
    const auto answered = static_cast<double>(histogram.Quantile(0.5));
    EXPECT_GE(answered, static_cast<double>(nanos));
    EXPECT_LE(answered, static_cast<double>(nanos) * (1 + 1.0 / 128));
  }
}

TEST(LatencyHistogramTest, AgreesWithSortedValues) {
  std::mt19937 random(7);
  std::lognormal_distribution<double> latency(11, 1.5);
  LatencyHistogram histogram;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 10'000; ++i) {
    values.push_back(static_cast<std::uint64_t>(latency(random)));
    histogram.Record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const std::size_t rank : {5'000U, 9'000U, 9'900U, 9'990U}) {
    const auto exact = static_cast<double>(values[rank - 1]);
    const auto answered =
        static_cast<double>(histogram.Quantile(static_cast<double>(rank) / 10'000));
    EXPECT_GE(answered, exact);
    EXPECT_LE(answered, exact * 1.008 + 1);
  }
}

TEST(LatencyHistogramTest, CutsWhatIsTooLong) {
  LatencyHistogram histogram;
  histogram.Record(~std::uint64_t{0});
  EXPECT_EQ(histogram.max_nanos(), LatencyHistogram::kMaxNanos);
  EXPECT_EQ(histogram.Quantile(1), LatencyHistogram::kMaxNanos);
}

TEST(LatencyHistogramTest, MergesAsIfRecordedTogether) {
  LatencyHistogram low;
  LatencyHistogram high;
  for (std::uint64_t i = 1; i <= 50; ++i) {
    low.Record(i);
    high.Record(i + 50);
  }
  low.Merge(high);
  EXPECT_EQ(low.count(), 100U);
  EXPECT_EQ(low.Quantile(0.5), 50U);
  EXPECT_EQ(low.max_nanos(), 100U);
}

}  // namespace
}  // namespace nearhit::bench
