#include "engine/policy/binomial_bound.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace nearhit {
namespace {

// Computed with scipy.stats.beta.ppf.
TEST(BinomialBoundTest, IsThatOfClopperAndPearson) {
  EXPECT_NEAR(UpperShare(0, 200, .8), 0.0080149, 1e-6);
  EXPECT_NEAR(UpperShare(0, 200, .9), 0.0114469, 1e-6);
  EXPECT_NEAR(UpperShare(3, 500, .8), 0.0110024, 1e-6);
  EXPECT_NEAR(UpperShare(50, 5'000, .8), 0.0113707, 1e-6);
  EXPECT_NEAR(LowerShare(3, 500, .9), 0.0022061, 1e-6);
  EXPECT_NEAR(LowerShare(50, 5'000, .95), 0.0078008, 1e-6);
}

TEST(BinomialBoundTest, EndsOfTheRange) {
  EXPECT_EQ(UpperShare(7, 7, .8), 1);
  EXPECT_EQ(UpperShare(0, 0, .8), 1);
  EXPECT_EQ(LowerShare(0, 7, .8), 0);
  EXPECT_NEAR(LowerShare(7, 7, .8), std::pow(.2, 1.0 / 7), 1e-9);
}

TEST(BinomialBoundTest, LargeSamplesDoNotUnderflow) {
  EXPECT_NEAR(UpperShare(700, 10'000, .8), .0722, 1e-3);
  EXPECT_NEAR(UpperShare(5'000, 10'000, .8), .5043, 1e-3);
  EXPECT_NEAR(LowerShare(5'000, 10'000, .8), .4957, 1e-3);
}

TEST(BinomialBoundTest, TheMostThatMayBeFoundIsWhereTheBoundEnds) {
  EXPECT_EQ(MostFound(150, .01, .8, 99), -1);
  EXPECT_EQ(MostFound(0, .01, .8, 99), -1);
  EXPECT_EQ(MostFound(1e9, .1, .8, 20'000), 20'000);
  for (const double sample : {161.0, 200.5, 1'000.0, 30'000.0}) {
    for (const double share : {.01, .05}) {
      const int most = MostFound(sample, share, .8, 100'000);
      ASSERT_GE(most, 0);
      EXPECT_LE(UpperShare(most, sample, .8), share + 1e-9);
      EXPECT_GT(UpperShare(most + 1, sample, .8), share);
    }
  }
}

TEST(BinomialBoundTest, HoldsAsOftenAsItSays) {
  std::mt19937 random(3);
  for (const double share : {.005, .01, .3}) {
    std::binomial_distribution<int> draw(400, share);
    int held = 0;
    for (int i = 0; i < 2'000; ++i) {
      held += UpperShare(draw(random), 400, .8) >= share ? 1 : 0;
    }
    EXPECT_GE(held, 2'000 * .78) << share;
  }
}

}  // namespace
}  // namespace nearhit
