// Every kernel that this processor runs, at lengths around every lane count, misaligned, against a
// loop in double precision (after Highway's dot_test).

#include "index/distance.h"

#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace nearhit {
namespace {

std::vector<std::size_t> Lengths() {
  std::vector<std::size_t> lengths;
  for (std::size_t n = 1; n <= 130; ++n) {
    lengths.push_back(n);
  }
  for (const std::size_t n : {255U, 384U, 385U, 768U, 1000U, 1024U}) {
    lengths.push_back(n);
  }
  return lengths;
}

TEST(DistanceKernelsTest, FloatKernelsMatchDoublePrecision) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  for (const DistanceKernels& kernels : AvailableKernels()) {
    for (const std::size_t n : Lengths()) {
      std::vector<float> a(n + 1);
      std::vector<float> b(n + 1);
      double dot = 0;
      double l2 = 0;
      double magnitude = 0;
      for (std::size_t i = 1; i <= n; ++i) {  // from 1: one float off any vector's alignment
        a[i] = normal(random);
        b[i] = normal(random);
        dot += double{a[i]} * double{b[i]};
        magnitude += std::abs(double{a[i]} * double{b[i]});
        l2 += (double{a[i]} - double{b[i]}) * (double{a[i]} - double{b[i]});
      }
      EXPECT_NEAR(kernels.dot(a.data() + 1, b.data() + 1, n), dot, 1e-5 * magnitude + 1e-6)
          << kernels.name << " n=" << n;
      EXPECT_NEAR(kernels.l2_squared(a.data() + 1, b.data() + 1, n), l2, 1e-5 * l2 + 1e-6)
          << kernels.name << " n=" << n;
    }
  }
}

TEST(DistanceKernelsTest, ByteKernelsAreExact) {
  std::mt19937 random(11);
  for (const DistanceKernels& kernels : AvailableKernels()) {
    for (const std::size_t n : Lengths()) {
      std::vector<std::uint8_t> a(n + 1);
      std::vector<std::int8_t> b(n + 1);
      std::int64_t dot = 0;
      std::int32_t sum = 0;
      for (std::size_t i = 1; i <= n; ++i) {
        a[i] = static_cast<std::uint8_t>(random());
        b[i] = static_cast<std::int8_t>(static_cast<int>(random() % 255) - 127);
        dot += (std::int64_t{a[i]} - kCodeBias) * b[i];
        sum += b[i];
      }
      EXPECT_EQ(kernels.dot_codes(a.data() + 1, b.data() + 1, sum, n), dot)
          << kernels.name << " n=" << n;
    }
  }
}

// The extremes that saturate 16-bit multiply-add instructions.
TEST(DistanceKernelsTest, ByteKernelsDoNotSaturate) {
  for (const int biased : {0, 255}) {
    const std::vector<std::uint8_t> a(8192, static_cast<std::uint8_t>(biased));
    for (const int value : {-127, 127}) {
      const std::vector<std::int8_t> b(8192, static_cast<std::int8_t>(value));
      for (const DistanceKernels& kernels : AvailableKernels()) {
        EXPECT_EQ(kernels.dot_codes(a.data(), b.data(), value * 8192, a.size()),
                  (biased - kCodeBias) * value * 8192)
            << kernels.name;
      }
    }
  }
}

TEST(ScoreTest, UserAndRawScoresAreInverse) {
  for (const Metric metric : {Metric::kCosine, Metric::kInnerProduct, Metric::kL2}) {
    for (const float user : {0.1F, 0.5F, 0.9F, 1.0F}) {
      EXPECT_NEAR(UserScore(metric, RawScore(metric, user)), user, 1e-5);
    }
  }
  EXPECT_FLOAT_EQ(UserScore(Metric::kL2, -3.0F), 0.25F);
}

}  // namespace
}  // namespace nearhit
