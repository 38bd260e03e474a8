#include "index/rotation.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>

#include "base/check.h"

namespace nearhit {

namespace {

// Sums and differences of components that are `half` apart.
void Butterflies(float* values, std::size_t n, std::size_t half) {
  for (std::size_t start = 0; start < n; start += 2 * half) {
    float* low = values + start;
    float* high = low + half;
    for (std::size_t i = 0; i < half; ++i) {
      const float a = low[i];
      const float b = high[i];
      low[i] = a + b;
      high[i] = a - b;
    }
  }
}

// Walsh-Hadamard transform, its output in another order; `n` is a power of two. Neighbours are far
// apart after a transposition, so that the short steps are long ones too, which the compiler makes
// vectors of. Uses n floats of `scratch`.
void Transform(float* values, std::size_t n, float* scratch) {
  constexpr std::size_t kRows = 16;
  if (n < kRows * kRows) {
    for (std::size_t half = 1; half < n; half *= 2) {
      Butterflies(values, n, half);
    }
    return;
  }
  for (std::size_t half = kRows; half < n; half *= 2) {
    Butterflies(values, n, half);
  }
  const std::size_t rows = n / kRows;
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t column = 0; column < kRows; ++column) {
      scratch[column * rows + row] = values[row * kRows + column];
    }
  }
  for (std::size_t half = rows; half < n; half *= 2) {
    Butterflies(scratch, n, half);
  }
  std::copy_n(scratch, n, values);
}

}  // namespace

Rotation::Rotation(std::size_t dimension)
    : dimension_(dimension), transform_(std::bit_floor(dimension)), signs_(kRounds * dimension) {
  const float unit = 1.0F / std::sqrt(static_cast<float>(transform_));
  std::mt19937 random(20'240'521);
  for (std::size_t round = 0; round < kRounds; ++round) {
    const std::size_t first = round % 2 == 0 ? 0 : dimension_ - transform_;
    for (std::size_t i = 0; i < dimension_; ++i) {
      const float scale = i >= first && i < first + transform_ ? unit : 1.0F;
      signs_[round * dimension_ + i] = (random() & 1U) != 0 ? scale : -scale;
    }
  }
}

void Rotation::Apply(VectorView vector, std::span<float> out) const {
  NEARHIT_CHECK(vector.size() == dimension_ && out.size() == dimension_);
  std::copy(vector.begin(), vector.end(), out.begin());
  const float root_of_half = std::sqrt(0.5F);
  std::vector<float> scratch(transform_);
  const std::size_t half = dimension_ / 2;
  for (std::size_t round = 0; round < kRounds; ++round) {
    const float* signs = signs_.data() + round * dimension_;
    for (std::size_t i = 0; i < dimension_; ++i) {
      out[i] *= signs[i];
    }
    const std::size_t first = round % 2 == 0 ? 0 : dimension_ - transform_;
    Transform(out.data() + first, transform_, scratch.data());
    if (transform_ != dimension_) {
      for (std::size_t i = 0; i < half; ++i) {
        const float a = out[i];
        const float b = out[half + i];
        out[i] = (a + b) * root_of_half;
        out[half + i] = (a - b) * root_of_half;
      }
    }
  }
}

}  // namespace nearhit
