#include "engine/policy/traffic.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace nearhit {
namespace {

// A stream in which this share of requests has something near, of odds around 1.5.
struct Stream {
  double near = 0;
  int requests = 20'000;
};

// The share of all requests that were served and are wrong, when odds are what they say.
double WrongShare(const Stream& stream, float max_error, Traffic* traffic) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> uniform;
  std::normal_distribution<float> odds_of(1.5F, 1.5F);
  double wrong = 0;
  float least = 8;
  for (int i = 0; i < stream.requests; ++i) {
    const float odds = odds_of(random);
    const bool near = uniform(random) < stream.near;
    const bool right = uniform(random) < 1 / (1 + std::exp(-static_cast<double>(odds)));
    wrong += near && !right && odds >= least ? 1 : 0;
    if (traffic->Observe(near, near ? std::optional(odds) : std::nullopt)) {
      least = traffic->LeastOdds(max_error);
    }
  }
  return wrong / stream.requests;
}

TEST(TrafficTest, KeepsTheBudgetWhateverIsNear) {
  for (const double near : {.02, .3, .6, 1.0}) {
    for (const float max_error : {.005F, .01F, .05F}) {
      Traffic traffic;
      EXPECT_LE(WrongShare({.near = near}, max_error, &traffic), max_error * 1.1) << near;
    }
  }
}

TEST(TrafficTest, FollowsTrafficThatChanges) {
  Traffic traffic;
  WrongShare({.near = 1}, .01F, &traffic);
  const float strict = traffic.LeastOdds(.01F);
  EXPECT_GT(strict, 1.5F);
  WrongShare({.near = .01, .requests = 400'000}, .01F, &traffic);
  EXPECT_LT(traffic.LeastOdds(.01F), 1.5F);
}

TEST(TrafficTest, SaysWhatWouldBeServed) {
  Traffic traffic;
  for (int i = 0; i < 1'000; ++i) {
    traffic.Observe(i % 2 == 0, i % 4 == 0 ? std::optional(2.0F) : std::nullopt);
  }
  EXPECT_EQ(traffic.requests(), 1'000U);
  EXPECT_EQ(traffic.near(), 500U);
  EXPECT_FLOAT_EQ(traffic.RequestsPerNear(), 2);
  EXPECT_EQ(Traffic().RequestsPerNear(), 0);
  EXPECT_NEAR(traffic.From(1.5F).served, .25, 1e-6);
  EXPECT_NEAR(traffic.From(1.5F).wrong, .25 / (1 + std::exp(2)), .003);
  EXPECT_EQ(traffic.From(2.5F).served, 0);
}

TEST(TrafficTest, TakesOddsOfAnySize) {
  Traffic traffic;
  for (int i = 0; i < 1'000; ++i) {
    for (const float odds : {-1e30F, 1e30F, 0.0F}) {
      traffic.Observe(true, odds);
    }
  }
  EXPECT_TRUE(std::isfinite(traffic.LeastOdds(.01F)));
}

TEST(TrafficTest, ManyThreadsObserve) {
  Traffic traffic;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back(
        [&traffic] { WrongShare({.near = .5, .requests = 20'000}, .01F, &traffic); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_LT(traffic.requests(), 33'000U);  // it has faded
  EXPECT_NEAR(static_cast<double>(traffic.near()) / static_cast<double>(traffic.requests()), .5,
              .05);
}

}  // namespace
}  // namespace nearhit
