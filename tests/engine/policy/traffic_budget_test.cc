#include "engine/policy/traffic_budget.h"

#include <cmath>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace nearhit {
namespace {

constexpr float kCalibrated = 1.5F;

// A stream in which this share of requests has something near, of odds around 1.5.
struct Traffic {
  double near = 0;
  int requests = 20'000;
};

// The share of all requests that were served and are wrong, when odds are what they say.
double WrongShare(const Traffic& traffic, TrafficBudget* budget) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> uniform;
  std::normal_distribution<float> odds_of(1.5F, 1.5F);
  double wrong = 0;
  for (int i = 0; i < traffic.requests; ++i) {
    const float odds = odds_of(random);
    const bool near = uniform(random) < traffic.near;
    const bool right = uniform(random) < 1 / (1 + std::exp(-static_cast<double>(odds)));
    wrong += near && !right && odds >= budget->least() ? 1 : 0;
    budget->Observe(near ? &odds : nullptr);
  }
  return wrong / traffic.requests;
}

TEST(TrafficBudgetTest, BeginsWithTheCalibration) {
  EXPECT_FLOAT_EQ(TrafficBudget(.01F, kCalibrated).least(), kCalibrated);
}

TEST(TrafficBudgetTest, StaysThereWhereLittleIsNear) {
  TrafficBudget budget(.01F, kCalibrated);
  EXPECT_LT(WrongShare({.near = .02}, &budget), .01);
  EXPECT_FLOAT_EQ(budget.least(), kCalibrated);
}

TEST(TrafficBudgetTest, KeepsTheBudgetWhereMuchIsNear) {
  for (const double near : {.3, .6, 1.0}) {
    for (const float max_error : {.005F, .01F, .05F}) {
      TrafficBudget budget(max_error, kCalibrated);
      EXPECT_LE(WrongShare({.near = near}, &budget), max_error * 1.1) << near;
      EXPECT_GE(budget.least(), kCalibrated);
    }
  }
}

TEST(TrafficBudgetTest, FollowsTrafficThatChanges) {
  TrafficBudget budget(.01F, kCalibrated);
  WrongShare({.near = 1}, &budget);
  const float strict = budget.least();
  EXPECT_GT(strict, kCalibrated);
  WrongShare({.near = .01, .requests = 400'000}, &budget);
  EXPECT_FLOAT_EQ(budget.least(), kCalibrated);
}

TEST(TrafficBudgetTest, TakesOddsOfAnySize) {
  TrafficBudget budget(.01F, kCalibrated);
  for (int i = 0; i < 1'000; ++i) {
    for (const float odds : {-1e30F, 1e30F, 0.0F}) {
      budget.Observe(&odds);
    }
  }
  EXPECT_TRUE(std::isfinite(budget.least()));
}

TEST(TrafficBudgetTest, ManyThreadsObserve) {
  TrafficBudget budget(.01F, kCalibrated);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&budget] { WrongShare({.near = .5, .requests = 20'000}, &budget); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_GT(budget.least(), kCalibrated);
}

}  // namespace
}  // namespace nearhit
