#include "index/walk_tuner.h"

#include <gtest/gtest.h>

namespace nearhit {
namespace {

TEST(WalkTunerTest, StartsFromTheUsualWidths) {
  WalkTuner tuner;
  const WalkObservations observed = tuner.Observations();
  EXPECT_EQ(observed.match_width, 1);
  EXPECT_EQ(observed.nearest_width, 1);
  EXPECT_FALSE(observed.whole_scores);
  EXPECT_EQ(observed.far_share[0], 1);
  EXPECT_EQ(observed.far_share[1], 1);
  EXPECT_EQ(tuner.last_min_score(), 0);
  EXPECT_FALSE(tuner.LosesEntries());
}

TEST(WalkTunerTest, EndsOfCloseThresholdsAreObservedApart) {
  WalkTuner tuner;
  for (int i = 0; i < 1'000; ++i) {
    tuner.TakesAsLow(/*threshold=*/.95F, /*end=*/.7F, /*retry_share=*/.005F);
  }
  const WalkObservations observed = tuner.Observations();
  EXPECT_EQ(observed.far_share[0], 1);
  EXPECT_NEAR(observed.far_share[1], .7F, .05F);
  EXPECT_TRUE(tuner.IsLow(.95F, .6F));
  EXPECT_FALSE(tuner.IsLow(.95F, .75F));
  EXPECT_TRUE(tuner.IsLow(.85F, .75F));  // nothing is known of these
}

TEST(WalkTunerTest, ProbesThatAreLostWidenWalksForMatchesOnly) {
  WalkTuner tuner;
  for (int i = 0; i < 1'000; ++i) {
    tuner.ReportProbe(/*found=*/false);
  }
  EXPECT_GT(tuner.Observations().match_width, 1);
  EXPECT_EQ(tuner.Observations().nearest_width, 1);
  EXPECT_TRUE(tuner.LosesEntries());
}

TEST(WalkTunerTest, ACalibrationReplacesTheLast) {
  WalkTuner tuner;
  tuner.SetCalibration({.width = 8, .whole_scores = true, .looks_further = true, .failed = true});
  EXPECT_EQ(tuner.Observations().nearest_width, 8);
  EXPECT_TRUE(tuner.Observations().whole_scores);
  EXPECT_TRUE(tuner.looks_further());
  EXPECT_TRUE(tuner.LosesEntries());
  tuner.SetCalibration({});
  EXPECT_EQ(tuner.Observations().nearest_width, 1);
  EXPECT_FALSE(tuner.LosesEntries());
}

}  // namespace
}  // namespace nearhit
