#include "index/breadth_tuner.h"

#include <gtest/gtest.h>

namespace nearhit::breadth_tuner_test {
namespace {

// A window of probes of which the first `lost` are lost.
void ReportWindow(BreadthTuner* tuner, std::uint32_t lost) {
  for (std::uint32_t probe = 0; probe < BreadthTuner::kWindow; ++probe) {
    tuner->Report(probe >= lost);
  }
}

TEST(BreadthTunerTest, StaysWhileFewAreLost) {
  BreadthTuner tuner;
  EXPECT_EQ(tuner.factor(), 1);
  for (int i = 0; i < 10; ++i) {
    ReportWindow(&tuner, BreadthTuner::kManyLost - 1);
  }
  EXPECT_EQ(tuner.factor(), 1);
  EXPECT_FALSE(tuner.gives_up());
}

TEST(BreadthTunerTest, WidensAsSoonAsManyAreLost) {
  BreadthTuner tuner;
  for (std::uint32_t lost = 0; lost < BreadthTuner::kManyLost; ++lost) {
    EXPECT_EQ(tuner.factor(), 1);
    tuner.Report(false);
  }
  EXPECT_EQ(tuner.factor(), 1.5F);
  for (int i = 0; i < 1'000; ++i) {
    tuner.Report(false);
  }
  EXPECT_EQ(tuner.factor(), BreadthTuner::kMost);
  EXPECT_TRUE(tuner.gives_up());
}

TEST(BreadthTunerTest, NarrowsAgainWhenHardlyAnyAreLost) {
  BreadthTuner tuner;
  for (std::uint32_t lost = 0; lost < 2 * BreadthTuner::kManyLost; ++lost) {
    tuner.Report(false);
  }
  EXPECT_EQ(tuner.factor(), 2.25F);
  ReportWindow(&tuner, BreadthTuner::kFewLost + 1);
  EXPECT_EQ(tuner.factor(), 2.25F);
  ReportWindow(&tuner, BreadthTuner::kFewLost);
  EXPECT_FLOAT_EQ(tuner.factor(), 2.25F / 1.25F);
  for (int i = 0; i < 5; ++i) {
    ReportWindow(&tuner, 0);
  }
  EXPECT_EQ(tuner.factor(), 1);
}

}  // namespace
}  // namespace nearhit::breadth_tuner_test
