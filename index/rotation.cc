#include "index/rotation.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>

#include "base/check.h"

namespace nearhit {

namespace {

// Sums and differences of the components that are `Half` apart.
template <std::size_t Half>
void Butterflies(float* values, std::size_t n) {
  for (std::size_t start = 0; start < n; start += 2 * Half) {
    for (std::size_t i = start; i < start + Half; ++i) {
      const float a = values[i];
      const float b = values[i + Half];
      values[i] = a + b;
      values[i + Half] = a - b;
    }
  }
}

// Walsh-Hadamard transform in place; `n` is a power of two. Short steps are unrolled by name.
void Transform(float* values, std::size_t n) {
  if (n >= 2) {
    Butterflies<1>(values, n);
  }
  if (n >= 4) {
    Butterflies<2>(values, n);
  }
  if (n >= 8) {
    Butterflies<4>(values, n);
  }
  for (std::size_t half = 8; half < n; half *= 2) {
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
}

}  // namespace

Rotation::Rotation(std::size_t dimension)
    : dimension_(dimension),
      transform_(std::bit_floor(dimension)),
      signs_(kRounds * dimension) {
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
  const std::size_t half = dimension_ / 2;
  for (std::size_t round = 0; round < kRounds; ++round) {
    const float* signs = signs_.data() + round * dimension_;
    for (std::size_t i = 0; i < dimension_; ++i) {
      out[i] *= signs[i];
    }
    const std::size_t first = round % 2 == 0 ? 0 : dimension_ - transform_;
    Transform(out.data() + first, transform_);
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
