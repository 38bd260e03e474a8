#include "index/sign_codes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "index/distance.h"
#include "index/rotation.h"
#include "tests/support/random_vectors.h"

namespace nearhit::sign_codes_test {
namespace {

std::vector<float> Gaussian(std::size_t dimension, std::mt19937* random) {
  std::normal_distribution<float> normal;
  std::vector<float> vector(dimension);
  for (float& component : vector) {
    component = normal(*random);
  }
  return vector;
}

constexpr std::size_t kDimensions[] = {1,  2,  3,  5,   6,   7,   8,   12,  16,  17,   31,  33,
                                       47, 63, 64, 100, 127, 128, 130, 384, 385, 1000, 1536};

class SignCodesTest : public testing::TestWithParam<IndexMetric> {
 protected:
  static float Score(VectorView a, VectorView b) {
    return GetParam() == IndexMetric::kDot ? Kernels().dot(a.data(), b.data(), a.size())
                                           : -Kernels().l2_squared(a.data(), b.data(), a.size());
  }
};

// Every score is under its bound, and the bound is near: at no distance
// of the deviations that it is made of.
TEST_P(SignCodesTest, BoundsHoldAndAreTight) {
  std::mt19937 random(2);
  for (const SignKernels& kernels : AvailableSignKernels()) {
    for (const std::size_t dimension : {48U, 100U, 384U, 1025U, 8192U}) {
      SignCodes codes(dimension, GetParam(), kernels);
      std::vector<std::vector<float>> vectors;
      for (std::size_t slot = 0; slot < 150; ++slot) {
        vectors.push_back(Gaussian(dimension, &random));
        codes.Set(slot, EncodeSigns(vectors.back(), kernels));
      }
      const std::vector<float> query = Gaussian(dimension, &random);
      const SignQuery ready = codes.Prepare(query);
      std::array<float, kSignLanes> bounds{};
      std::size_t over = 0;
      double slack = 0;
      for (std::size_t block = 0; block < codes.blocks(); ++block) {
        const float largest = codes.Bounds(ready, block, bounds);
        const std::size_t first = block * kSignLanes;
        for (std::size_t lane = 0; lane < std::min(kSignLanes, vectors.size() - first); ++lane) {
          const float score = Score(query, vectors[first + lane]);
          over += score > bounds[lane] ? 1 : 0;
          slack += static_cast<double>(bounds[lane] - score);
          EXPECT_LE(bounds[lane], largest);
        }
      }
      const std::string which = std::string(kernels.name) + " " + std::to_string(dimension);
      EXPECT_EQ(over, 0U) << which;
      // One deviation of an inner product of such vectors is .75 of the root of the dimension.
      const double deviation = 0.76 * std::sqrt(static_cast<double>(dimension)) *
                               (GetParam() == IndexMetric::kL2 ? 2 : 1);
      EXPECT_NEAR(slack / 150, SignCodes::kDeviations * deviation, 0.8 * deviation) << which;
    }
  }
}

// Vectors at every distance from a query: those that reach the limit keep their bound above it, and
// more of the others fall under it than before.
TEST_P(SignCodesTest, SharpBoundsKeepWhatReachesTheLimit) {
  constexpr std::size_t kDimension = 256;
  constexpr float kLimit = 0.7F;
  RandomVectors random(kDimension, 1, 9);
  const std::vector<float> query = random.Next();
  SignCodes codes(kDimension, GetParam());
  std::vector<std::vector<float>> vectors;
  for (std::size_t slot = 0; slot < 10 * kSignLanes; ++slot) {
    vectors.push_back(random.Near(query, 2.0F * static_cast<float>(slot % 100) / 100));
    codes.Set(slot, EncodeSigns(vectors.back()));
  }
  const SignQuery blunt = codes.Prepare(query);
  SignQuery sharp = blunt;
  const float limit = GetParam() == IndexMetric::kDot ? kLimit : 2 * kLimit - 2;
  codes.Sharpen(limit, &sharp);
  std::array<float, kSignLanes> bounds{};
  std::size_t reach = 0;
  std::size_t lost = 0;
  std::size_t kept_blunt = 0;
  std::size_t kept_sharp = 0;
  for (std::size_t block = 0; block < codes.blocks(); ++block) {
    codes.Bounds(blunt, block, bounds);
    for (const float bound : bounds) {
      kept_blunt += bound >= limit ? 1 : 0;
    }
    codes.Bounds(sharp, block, bounds);
    for (std::size_t lane = 0; lane < kSignLanes; ++lane) {
      kept_sharp += bounds[lane] >= limit ? 1 : 0;
      if (Score(query, vectors[block * kSignLanes + lane]) >= limit) {
        ++reach;
        lost += bounds[lane] < limit ? 1 : 0;
      }
    }
  }
  EXPECT_GT(reach, 200U);
  EXPECT_LE(lost, reach / 100);
  EXPECT_LT(kept_sharp, kept_blunt);
}

TEST_P(SignCodesTest, KernelsAgree) {
  std::mt19937 random(3);
  for (const std::size_t dimension : kDimensions) {
    std::vector<std::vector<float>> vectors;
    for (std::size_t slot = 0; slot < kSignLanes; ++slot) {
      vectors.push_back(Gaussian(dimension, &random));
    }
    const std::vector<float> query = Gaussian(dimension, &random);
    std::vector<float> expected;
    for (const SignKernels& kernels : AvailableSignKernels()) {
      SignCodes codes(dimension, GetParam(), kernels);
      for (std::size_t slot = 0; slot < vectors.size(); ++slot) {
        codes.Set(slot, EncodeSigns(vectors[slot], kernels));
      }
      std::array<float, kSignLanes> bounds{};
      const float largest = codes.Bounds(codes.Prepare(query), 0, bounds);
      EXPECT_EQ(largest, *std::max_element(bounds.begin(), bounds.end()));
      if (expected.empty()) {
        expected.assign(bounds.begin(), bounds.end());
      }
      // They round the sums of other groups of components.
      for (std::size_t lane = 0; lane < kSignLanes; ++lane) {
        EXPECT_NEAR(bounds[lane], expected[lane], 0.6 * std::sqrt(static_cast<float>(dimension)))
            << kernels.name << " " << dimension << " " << lane;
      }
    }
  }
}

TEST_P(SignCodesTest, ACopiedSlotHasTheBoundsOfItsSource) {
  std::mt19937 random(4);
  SignCodes codes(100, GetParam());
  for (std::size_t slot = 0; slot < 70; ++slot) {
    codes.Set(slot, EncodeSigns(Gaussian(100, &random)));
  }
  const std::vector<float> query = Gaussian(100, &random);
  const SignQuery ready = codes.Prepare(query);
  std::array<float, kSignLanes> bounds{};
  codes.Bounds(ready, 1, bounds);
  const float last = bounds[5];
  codes.Copy(69, 10);
  codes.Bounds(ready, 0, bounds);
  EXPECT_EQ(bounds[10], last);
  codes.Shrink(64);
  EXPECT_EQ(codes.blocks(), 1U);
  codes.Bounds(ready, 0, bounds);
  EXPECT_EQ(bounds[10], last);
}

// Zeros, and components as large as an index takes: no bound is a thing that is no number.
TEST_P(SignCodesTest, ExtremesHaveBounds) {
  for (const SignKernels& kernels : AvailableSignKernels()) {
    SignCodes codes(33, GetParam(), kernels);
    const std::vector<float> zero(33);
    std::vector<float> large(33, 1.7e17F);
    std::vector<float> tiny(33);
    tiny[7] = 1e-30F;
    Rotation::Of(33).Apply(large, large);
    Rotation::Of(33).Apply(tiny, tiny);
    codes.Set(0, EncodeSigns(zero, kernels));
    codes.Set(1, EncodeSigns(large, kernels));
    codes.Set(2, EncodeSigns(tiny, kernels));
    for (const std::vector<float>& query : {zero, large, tiny}) {
      std::array<float, kSignLanes> bounds{};
      codes.Bounds(codes.Prepare(query), 0, bounds);
      const std::vector<std::vector<float>> vectors = {zero, large, tiny};
      for (std::size_t slot = 0; slot < vectors.size(); ++slot) {
        ASSERT_TRUE(std::isfinite(bounds[slot])) << kernels.name << " " << slot;
        const float score = Score(query, vectors[slot]);
        EXPECT_GE(bounds[slot], score - std::abs(score) * 1e-4F) << kernels.name << " " << slot;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Metrics, SignCodesTest,
                         testing::Values(IndexMetric::kDot, IndexMetric::kL2),
                         [](const auto& metric) {
                           return metric.param == IndexMetric::kDot ? "Dot" : "L2";
                         });

}  // namespace
}  // namespace nearhit::sign_codes_test
