#include "index/width_tuner.h"

#include <gtest/gtest.h>

namespace nearhit::width_tuner_test {
namespace {

// A window of probes of which the first `lost` are lost.
void ReportWindow(WidthTuner* tuner, std::uint32_t lost) {
  for (std::uint32_t probe = 0; probe < WidthTuner::kWindow; ++probe) {
    tuner->Report(probe >= lost);
  }
}

TEST(WidthTunerTest, StaysWhileFewAreLost) {
  WidthTuner tuner;
  EXPECT_EQ(tuner.factor(), 1);
  for (int i = 0; i < 10; ++i) {
    ReportWindow(&tuner, WidthTuner::kManyLost - 1);
  }
  EXPECT_EQ(tuner.factor(), 1);
  EXPECT_FALSE(tuner.gives_up());
}

TEST(WidthTunerTest, WidensAsSoonAsManyAreLost) {
  WidthTuner tuner;
  for (std::uint32_t lost = 0; lost < WidthTuner::kManyLost; ++lost) {
    EXPECT_EQ(tuner.factor(), 1);
    tuner.Report(false);
  }
  EXPECT_EQ(tuner.factor(), 1.5F);
  for (int i = 0; i < 1'000; ++i) {
    tuner.Report(false);
  }
  EXPECT_EQ(tuner.factor(), WidthTuner::kMost);
  EXPECT_TRUE(tuner.gives_up());
}

TEST(WidthTunerTest, NarrowsAgainWhenHardlyAnyAreLost) {
  WidthTuner tuner;
  for (std::uint32_t lost = 0; lost < 2 * WidthTuner::kManyLost; ++lost) {
    tuner.Report(false);
  }
  EXPECT_EQ(tuner.factor(), 2.25F);
  ReportWindow(&tuner, WidthTuner::kFewLost + 1);
  EXPECT_EQ(tuner.factor(), 2.25F);
  ReportWindow(&tuner, WidthTuner::kFewLost);
  EXPECT_FLOAT_EQ(tuner.factor(), 2.25F / 1.25F);
  for (int i = 0; i < 5; ++i) {
    ReportWindow(&tuner, 0);
  }
  EXPECT_EQ(tuner.factor(), 1);
}

}  // namespace
}  // namespace nearhit::width_tuner_test
