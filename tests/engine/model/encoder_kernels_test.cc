// Every set of kernels that this processor runs, at sizes around every tile and lane count, against
// double precision.

#include "engine/model/encoder_kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "engine/model/linear.h"

namespace nearhit {
namespace {

std::vector<float> Random(std::size_t size, float scale = 1) {
  static std::mt19937 random(7);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(size);
  std::generate(values.begin(), values.end(), [&] { return normal(random); });
  return values;
}

double ExactGelu(double x) {
  return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
}

// From 1 past two of the widest vectors, and what models have.
std::vector<std::size_t> Lengths() {
  std::vector<std::size_t> lengths(40);
  std::iota(lengths.begin(), lengths.end(), 1);
  lengths.insert(lengths.end(), {63, 64, 65, 384, 511, 1536});
  return lengths;
}

struct Size {
  std::size_t m;
  std::size_t n;
  std::size_t k;
};

// Each dimension through all residues while the others have a few.
std::vector<Size> Sizes() {
  std::vector<Size> sizes;
  for (std::size_t m = 1; m <= 26; ++m) {
    sizes.push_back({m, 33, 5});
  }
  for (std::size_t n = 1; n <= 66; ++n) {
    sizes.push_back({3, n, 7});
    sizes.push_back({13, n, 4});
  }
  for (std::size_t k = 1; k <= 40; ++k) {
    sizes.push_back({7, 17, k});
  }
  sizes.push_back({15, 384, 1536});
  sizes.push_back({97, 48, 384});
  return sizes;
}

class EncoderKernelsTest : public testing::TestWithParam<std::size_t> {
 protected:
  const EncoderKernels& kernels() const { return AvailableEncoderKernels()[GetParam()]; }
};

TEST_P(EncoderKernelsTest, FloatProductsMatchDoublePrecision) {
  for (const Size& size : Sizes()) {
    const auto x = Random(size.m * size.k);
    const auto weight = Random(size.n * size.k);
    const auto bias = Random(size.n);
    const Linear linear(kernels(), Arithmetic::kFloat32, weight, bias);
    // One row more than is written: it has to stay as it is.
    std::vector<float> out((size.m + 1) * size.n, -7);
    linear.Apply(x.data(), size.m, Activation::kNone, out.data());
    for (std::size_t i = 0; i < size.m; ++i) {
      for (std::size_t j = 0; j < size.n; ++j) {
        double sum = bias[j];
        double magnitude = std::abs(sum);
        for (std::size_t k = 0; k < size.k; ++k) {
          const double product = double{x[i * size.k + k]} * weight[j * size.k + k];
          sum += product;
          magnitude += std::abs(product);
        }
        ASSERT_NEAR(out[i * size.n + j], sum, 1e-6 * magnitude)
            << size.m << "x" << size.n << "x" << size.k << " at " << i << "," << j;
      }
    }
    EXPECT_TRUE(std::all_of(out.end() - static_cast<std::ptrdiff_t>(size.n), out.end(),
                            [](float value) { return value == -7; }));
  }
}

// Weights as they are packed: rotated rows of whole numbers, and the scale of each.
struct RoundedWeights {
  std::vector<std::int64_t> values;
  std::vector<double> scales;
};
RoundedWeights RoundWeights(const EncoderKernels& kernels, const std::vector<float>& weight,
                            std::size_t inputs) {
  const std::size_t size = QuantizedSize(inputs);
  RoundedWeights rounded;
  std::vector<float> rotated(size);
  for (std::size_t at = 0; at < weight.size(); at += inputs) {
    kernels.rotate(weight.data() + at, inputs, rotated.data());
    float largest = 0;
    for (const float value : rotated) {
      largest = std::max(largest, std::abs(value));
    }
    for (const float value : rotated) {
      rounded.values.push_back(std::lrint(value * (127 / largest)));
    }
    rounded.scales.push_back(largest / (127.0 * kRotationBlock));
  }
  return rounded;
}

// Activations as Linear::Quantize makes them, and as numbers.
struct Rounded {
  Rounded(const EncoderKernels& kernels, const Linear& linear, const std::vector<float>& x,
          std::size_t rows)
      : bytes(rows * linear.quantized_bytes()), scales(rows) {
    std::vector<float> rotated(QuantizedSize(linear.inputs()));
    linear.Quantize(x.data(), rows, rotated.data(), bytes.data(), scales.data());
    values = Numbers(kernels, bytes);
  }
  static std::vector<std::int64_t> Numbers(const EncoderKernels& kernels,
                                           const std::vector<std::byte>& bytes) {
    std::vector<std::int64_t> numbers;
    for (std::size_t at = 0; at < bytes.size(); at += kernels.activation_bytes) {
      std::int16_t number = 0;
      std::memcpy(&number, bytes.data() + at, kernels.activation_bytes);
      numbers.push_back(number - kernels.offset);
    }
    return numbers;
  }
  QuantizedRows rows() const { return {bytes.data(), scales.data()}; }

  std::vector<std::byte> bytes;
  std::vector<float> scales;
  std::vector<std::int64_t> values;
};

TEST_P(EncoderKernelsTest, QuantizedProductsMatchWholeNumbers) {
  for (const Size& size : Sizes()) {
    const auto x = Random(size.m * size.k);
    const auto weight = Random(size.n * size.k);
    const auto bias = Random(size.n);
    const Linear linear(kernels(), Arithmetic::kFast, weight, bias);
    const RoundedWeights weights = RoundWeights(kernels(), weight, size.k);
    const Rounded rounded(kernels(), linear, x, size.m);
    std::vector<float> out((size.m + 1) * size.n, -7);
    linear.Apply(rounded.rows(), size.m, Activation::kNone, out.data());
    const std::size_t padded = QuantizedSize(size.k);
    for (std::size_t i = 0; i < size.m; ++i) {
      for (std::size_t j = 0; j < size.n; ++j) {
        std::int64_t sum = 0;
        for (std::size_t k = 0; k < padded; ++k) {
          sum += rounded.values[i * padded + k] * weights.values[j * padded + k];
        }
        const double product = static_cast<double>(sum) * rounded.scales[i] * weights.scales[j];
        ASSERT_NEAR(out[i * size.n + j], product + bias[j],
                    1e-6 * (std::abs(product) + std::abs(bias[j])))
            << size.m << "x" << size.n << "x" << size.k << " at " << i << "," << j;
      }
    }
    EXPECT_TRUE(std::all_of(out.end() - static_cast<std::ptrdiff_t>(size.n), out.end(),
                            [](float value) { return value == -7; }));
  }
}

// What the rounded rows stand for is the product of the rows as they were.
TEST_P(EncoderKernelsTest, QuantizedProductsAreCloseToThoseOfFloats) {
  constexpr std::size_t kInputs = 384;
  constexpr std::size_t kOutputs = 40;
  auto x = Random(kInputs);
  x[17] = 60;  // one large value, which would take most of the 8 bits of all others
  const auto weight = Random(kOutputs * kInputs);
  const std::vector<float> bias(kOutputs);
  const Linear linear(kernels(), Arithmetic::kFast, weight, bias);
  const Rounded rounded(kernels(), linear, x, 1);
  std::vector<float> out(kOutputs);
  linear.Apply(rounded.rows(), 1, Activation::kNone, out.data());
  for (std::size_t j = 0; j < kOutputs; ++j) {
    double product = 0;
    for (std::size_t k = 0; k < kInputs; ++k) {
      product += double{x[k]} * weight[j * kInputs + k];
    }
    EXPECT_NEAR(out[j], product, 3.0) << j;  // of vectors of lengths 63 and 20
  }
}

// All activations at their limit and all weights at theirs: the largest sums there are. A block
// with one value is spread to equal ones.
TEST_P(EncoderKernelsTest, QuantizedProductsDoNotOverflow) {
  for (const std::size_t k : {std::size_t{1}, std::size_t{384}, std::size_t{515}, kMaxQuantized}) {
    for (const float sign : {-1.0F, 1.0F}) {
      std::vector<float> x(k);
      std::vector<float> weight(k);
      for (std::size_t at = 0; at < k; at += kRotationBlock) {
        x[at] = sign;
        weight[at] = 0.5F;
      }
      const Linear linear(kernels(), Arithmetic::kFast, weight, std::vector<float>(1));
      const Rounded rounded(kernels(), linear, x, 1);
      float out = 0;
      linear.Apply(rounded.rows(), 1, Activation::kNone, &out);
      const std::size_t whole = QuantizedSize(k) / kRotationBlock;
      const auto blocks = static_cast<float>(whole);
      EXPECT_NEAR(out, sign * 0.5F * blocks, 1e-5F * blocks) << k;
    }
  }
}

TEST_P(EncoderKernelsTest, RotateIsTheHadamardMatrixOfEachBlock) {
  for (const std::size_t n : Lengths()) {
    const auto row = Random(n);
    const std::size_t padded = QuantizedSize(n);
    std::vector<float> out(padded + 1, -7);
    kernels().rotate(row.data(), n, out.data());
    for (std::size_t i = 0; i < padded; ++i) {
      const std::size_t block = i / kRotationBlock * kRotationBlock;
      double sum = 0;
      for (std::size_t j = block; j < std::min(n, block + kRotationBlock); ++j) {
        sum += std::popcount((i - block) & (j - block)) % 2 == 0 ? row[j] : -row[j];
      }
      ASSERT_NEAR(out[i], sum, 1e-5) << n << " at " << i;
    }
    EXPECT_EQ(out.back(), -7);
    std::vector<float> scalar(padded);
    ScalarEncoderKernels().rotate(row.data(), n, scalar.data());
    out.pop_back();
    EXPECT_EQ(out, scalar);
  }
}

TEST_P(EncoderKernelsTest, QuantizeRoundsToTheNearest) {
  for (const std::size_t n : {kRotationBlock, 3 * kRotationBlock}) {
    const auto row = Random(n);
    std::vector<std::byte> out(n * kernels().activation_bytes + 1, std::byte{0x55});
    const float scale = kernels().quantize(row.data(), n, out.data());
    EXPECT_EQ(out.back(), std::byte{0x55});
    out.pop_back();
    const auto numbers = Rounded::Numbers(kernels(), out);
    std::int64_t largest = 0;
    for (std::size_t i = 0; i < n; ++i) {
      ASSERT_NEAR(static_cast<float>(numbers[i]) * scale, row[i], scale * 0.51F) << n << " " << i;
      largest = std::max(largest, std::abs(numbers[i]));
    }
    EXPECT_EQ(largest, 127);
  }
}

TEST_P(EncoderKernelsTest, QuantizeOfZerosIsZeros) {
  const std::vector<float> row(kRotationBlock);
  std::vector<std::byte> out(kRotationBlock * kernels().activation_bytes);
  EXPECT_EQ(kernels().quantize(row.data(), row.size(), out.data()), 0);
  EXPECT_EQ(Rounded::Numbers(kernels(), out), std::vector<std::int64_t>(kRotationBlock));
}

TEST_P(EncoderKernelsTest, LayerNormMatchesDoublePrecision) {
  constexpr double kEps = 1e-5;
  for (const std::size_t n : Lengths()) {
    const auto a = Random(n, 3);
    const auto b = Random(n);
    const auto gain = Random(n);
    const auto bias = Random(n);
    std::vector<float> out = a;
    out.push_back(-7);
    kernels().add_layer_norm(out.data(), b.data(), n, static_cast<float>(kEps), gain.data(),
                             bias.data(), out.data());
    std::vector<double> x(n);
    std::transform(a.begin(), a.end(), b.begin(), x.begin(),
                   [](double p, double q) { return p + q; });
    const double mean = std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(n);
    double variance = 0;
    for (const double value : x) {
      variance += (value - mean) * (value - mean) / static_cast<double>(n);
    }
    for (std::size_t i = 0; i < n; ++i) {
      const double expected = (x[i] - mean) / std::sqrt(variance + kEps) * gain[i] + bias[i];
      ASSERT_NEAR(out[i], expected, 1e-5) << n << " at " << i;
    }
    EXPECT_EQ(out.back(), -7);
  }
}

TEST_P(EncoderKernelsTest, SoftmaxMatchesDoublePrecision) {
  for (const std::size_t n : Lengths()) {
    for (const float spread : {0.1F, 3.0F, 40.0F}) {
      auto row = Random(n, spread);
      const double max = *std::max_element(row.begin(), row.end());
      std::vector<double> expected(n);
      std::transform(row.begin(), row.end(), expected.begin(),
                     [&](double x) { return std::exp(x - max); });
      const double sum = std::accumulate(expected.begin(), expected.end(), 0.0);
      const std::size_t panel = kernels().panel;
      // Whatever is beyond n must not matter.
      row.resize((n + panel - 1) / panel * panel, std::numeric_limits<float>::quiet_NaN());
      kernels().softmax(row.data(), n);
      for (std::size_t i = 0; i < n; ++i) {
        // The difference to the maximum is rounded too, which counts for as much as it is large.
        const double relative = 1e-6 + 1e-7 * std::abs(std::log(expected[i]));
        ASSERT_NEAR(row[i], expected[i] / sum, relative * expected[i] / sum + 1e-37)
            << n << " at " << i;
      }
    }
  }
}

TEST_P(EncoderKernelsTest, GeluMatchesDoublePrecision) {
  std::vector<float> x = {0.0F, -0.0F, 1e-20F, -1e-20F, 50.0F, -50.0F, 1e6F, -1e6F};
  for (int i = -700; i <= 700; ++i) {
    x.push_back(static_cast<float>(i) / 100);
  }
  const float one[] = {1.0F};
  const float zero[] = {0.0F};
  const Linear identity(kernels(), Arithmetic::kFloat32, one, zero);
  std::vector<float> out(x.size());
  identity.Apply(x.data(), x.size(), Activation::kGelu, out.data());
  for (std::size_t i = 0; i < x.size(); ++i) {
    EXPECT_NEAR(out[i], ExactGelu(x[i]), 5e-7 * std::max(1.0F, std::abs(x[i]))) << x[i];
  }
}

// GELU is applied to whole tiles and to the columns of the last panel alike.
TEST_P(EncoderKernelsTest, GeluOfProducts) {
  constexpr std::size_t kRows = 9;
  constexpr std::size_t kInputs = 3;
  for (const std::size_t n : {1U, 8U, 9U, 31U, 32U, 33U, 47U}) {
    const auto x = Random(kRows * kInputs);
    const Linear linear(kernels(), Arithmetic::kFloat32, Random(n * kInputs), Random(n));
    std::vector<float> plain(kRows * n);
    std::vector<float> gelu(kRows * n);
    linear.Apply(x.data(), kRows, Activation::kNone, plain.data());
    linear.Apply(x.data(), kRows, Activation::kGelu, gelu.data());
    for (std::size_t i = 0; i < plain.size(); ++i) {
      ASSERT_NEAR(gelu[i], ExactGelu(plain[i]), 1e-6 * std::max(1.0F, std::abs(plain[i])));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, EncoderKernelsTest,
                         testing::Range(std::size_t{0}, AvailableEncoderKernels().size()),
                         [](const testing::TestParamInfo<std::size_t>& set) {
                           return AvailableEncoderKernels()[set.param].name;
                         });

TEST(EncoderKernelsAvailabilityTest, EndsWithScalar) {
  EXPECT_STREQ(AvailableEncoderKernels().back().name, "scalar");
  EXPECT_STREQ(BestEncoderKernels().name, AvailableEncoderKernels().front().name);
}

}  // namespace
}  // namespace nearhit
