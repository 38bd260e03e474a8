#include "index/running_quantile.h"

#include <random>

#include <gtest/gtest.h>

namespace nearhit::running_quantile_test {
namespace {

// How many of `values` random ones between `from` and `from` + .5 were taken as low.
int Low(RunningQuantile* quantile, float from, int values, std::mt19937* random) {
  std::uniform_real_distribution<float> value(from, from + 0.5F);
  int low = 0;
  for (int i = 0; i < values; ++i) {
    low += static_cast<int>(quantile->TakesAsLow(value(*random), 0.03F));
  }
  return low;
}

TEST(RunningQuantile, FindsTheShareAndFollowsTheStream) {
  std::mt19937 random(1);
  RunningQuantile quantile;
  EXPECT_FALSE(quantile.TakesAsLow(1, 0.03F));
  EXPECT_TRUE(quantile.TakesAsLow(0.9F, 0.03F));  // until it is known what is low
  EXPECT_NEAR(Low(&quantile, 0.4F, 2'000, &random), 60 + 60, 30);
  EXPECT_NEAR(quantile.value(), 0.4F + 0.03F * 0.5F, 0.05F);
  Low(&quantile, 0.4F, 2'000, &random);
  EXPECT_NEAR(Low(&quantile, 0.4F, 10'000, &random), 300, 50);
  // Lower values from now on: all seem low until the estimate is among them.
  EXPECT_LT(Low(&quantile, -0.2F, 2'000, &random), 200);
  EXPECT_NEAR(Low(&quantile, -0.2F, 10'000, &random), 300, 50);
  // Higher ones again.
  Low(&quantile, 0.4F, 3'000, &random);
  EXPECT_NEAR(Low(&quantile, 0.4F, 10'000, &random), 300, 50);
}

}  // namespace
}  // namespace nearhit::running_quantile_test
