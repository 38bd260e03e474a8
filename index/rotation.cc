#include "index/rotation.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <memory>
#include <random>
#include <unordered_map>

#include <immintrin.h>

#include "base/check.h"
#include "base/mutex.h"

namespace nearhit {

namespace {

// A vector of `n` components, of which `transformed` from `first` on are a power of two.
struct Span {
  float* values;
  const float* factors;  // n of them
  std::size_t n;
  std::size_t first;
  std::size_t transformed;
};

// Walsh-Hadamard transform, n times its own inverse; `n` is a power of two.
void Transform(float* values, std::size_t n) {
  for (std::size_t half = 1; half < n; half *= 2) {
    for (std::size_t start = 0; start < n; start += 2 * half) {
      for (std::size_t i = start; i < start + half; ++i) {
        const float a = values[i];
        const float b = values[i + half];
        values[i] = a + b;
        values[i + half] = a - b;
      }
    }
  }
}

void Scale(float* values, const float* factors, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    values[i] *= factors[i];
  }
}

// Sums and differences of both halves, its own inverse.
void MixHalves(float* values, std::size_t n) {
  const float root_of_half = std::sqrt(0.5F);
  const std::size_t half = n / 2;
  for (std::size_t i = 0; i < half; ++i) {
    const float a = values[i];
    const float b = values[half + i];
    values[i] = (a + b) * root_of_half;
    values[half + i] = (a - b) * root_of_half;
  }
}

void RoundPlain(const Span& span) {
  Scale(span.values, span.factors, span.n);
  Transform(span.values + span.first, span.transformed);
  if (span.transformed != span.n) {
    MixHalves(span.values, span.n);
  }
}

void BackPlain(const Span& span) {
  if (span.transformed != span.n) {
    MixHalves(span.values, span.n);
  }
  Transform(span.values + span.first, span.transformed);
  Scale(span.values, span.factors, span.n);
}

// The same with AVX2, bit for bit. Wider vectors make what reads them wait for the stores of
// narrower ones.
#define TARGET_AVX2_WITHOUT_FMA __attribute__((target("avx2")))
#define INLINE_AVX2 __attribute__((target("avx2"), always_inline)) inline

constexpr std::size_t kLanes = 8;

INLINE_AVX2 void SumAndDifference(__m256* a, __m256* b) {
  const __m256 sum = _mm256_add_ps(*a, *b);
  *b = _mm256_sub_ps(*a, *b);
  *a = sum;
}

// The steps among components that are 1, 2 and 4 apart: the other one of each pair comes to its
// place, and its own sign makes the sum a difference.
INLINE_AVX2 __m256 StepsWithin(__m256 v) {
  const __m256 odd = _mm256_setr_ps(0, -0.0F, 0, -0.0F, 0, -0.0F, 0, -0.0F);
  const __m256 second = _mm256_setr_ps(0, 0, -0.0F, -0.0F, 0, 0, -0.0F, -0.0F);
  const __m256 upper = _mm256_setr_ps(0, 0, 0, 0, -0.0F, -0.0F, -0.0F, -0.0F);
  v = _mm256_add_ps(_mm256_permute_ps(v, 0b10'11'00'01), _mm256_xor_ps(v, odd));
  v = _mm256_add_ps(_mm256_permute_ps(v, 0b01'00'11'10), _mm256_xor_ps(v, second));
  return _mm256_add_ps(_mm256_permute2f128_ps(v, v, 1), _mm256_xor_ps(v, upper));
}

// Two steps at a time, of `half` and twice that, in four registers; those within each come before.
template <bool kWithin>
INLINE_AVX2 void TwoSteps(float* values, std::size_t n, std::size_t half) {
  for (std::size_t start = 0; start < n; start += 4 * half) {
    for (float* at = values + start; at < values + start + half; at += kLanes) {
      __m256 a = _mm256_loadu_ps(at);
      __m256 b = _mm256_loadu_ps(at + half);
      __m256 c = _mm256_loadu_ps(at + 2 * half);
      __m256 d = _mm256_loadu_ps(at + 3 * half);
      if constexpr (kWithin) {
        a = StepsWithin(a);
        b = StepsWithin(b);
        c = StepsWithin(c);
        d = StepsWithin(d);
      }
      SumAndDifference(&a, &b);
      SumAndDifference(&c, &d);
      SumAndDifference(&a, &c);
      SumAndDifference(&b, &d);
      _mm256_storeu_ps(at, a);
      _mm256_storeu_ps(at + half, b);
      _mm256_storeu_ps(at + 2 * half, c);
      _mm256_storeu_ps(at + 3 * half, d);
    }
  }
}

INLINE_AVX2 void TransformAvx2(float* values, std::size_t n) {
  if (n < 4 * kLanes) {
    Transform(values, n);
    return;
  }
  TwoSteps<true>(values, n, kLanes);
  std::size_t half = 4 * kLanes;
  for (; 2 * half < n; half *= 4) {
    TwoSteps<false>(values, n, half);
  }
  if (half < n) {
    for (std::size_t i = 0; i < half; i += kLanes) {
      __m256 a = _mm256_loadu_ps(values + i);
      __m256 b = _mm256_loadu_ps(values + i + half);
      SumAndDifference(&a, &b);
      _mm256_storeu_ps(values + i, a);
      _mm256_storeu_ps(values + i + half, b);
    }
  }
}

INLINE_AVX2 void ScaleAvx2(float* values, const float* factors, std::size_t n) {
  const std::size_t whole = n / kLanes * kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes) {
    _mm256_storeu_ps(values + i,
                     _mm256_mul_ps(_mm256_loadu_ps(values + i), _mm256_loadu_ps(factors + i)));
  }
  Scale(values + whole, factors + whole, n - whole);
}

INLINE_AVX2 void MixHalvesAvx2(float* values, std::size_t n) {
  if (n % (2 * kLanes) != 0) {
    MixHalves(values, n);
    return;
  }
  const __m256 root_of_half = _mm256_set1_ps(std::sqrt(0.5F));
  for (std::size_t i = 0; i < n / 2; i += kLanes) {
    __m256 a = _mm256_loadu_ps(values + i);
    __m256 b = _mm256_loadu_ps(values + n / 2 + i);
    SumAndDifference(&a, &b);
    _mm256_storeu_ps(values + i, _mm256_mul_ps(a, root_of_half));
    _mm256_storeu_ps(values + n / 2 + i, _mm256_mul_ps(b, root_of_half));
  }
}

TARGET_AVX2_WITHOUT_FMA void RoundAvx2(const Span& span) {
  ScaleAvx2(span.values, span.factors, span.n);
  TransformAvx2(span.values + span.first, span.transformed);
  if (span.transformed != span.n) {
    MixHalvesAvx2(span.values, span.n);
  }
}

TARGET_AVX2_WITHOUT_FMA void BackAvx2(const Span& span) {
  if (span.transformed != span.n) {
    MixHalvesAvx2(span.values, span.n);
  }
  TransformAvx2(span.values + span.first, span.transformed);
  ScaleAvx2(span.values, span.factors, span.n);
}

// Aligned, so that no register is kept across two cache lines: what is read just after it was
// written would wait for both.
struct alignas(kLanes * sizeof(float)) Lanes {
  std::array<float, kLanes> values;
};

std::vector<Lanes> CopyOf(VectorView vector) {
  std::vector<Lanes> copy((vector.size() + kLanes - 1) / kLanes);
  std::copy(vector.begin(), vector.end(), copy.front().values.begin());
  return copy;
}

}  // namespace

struct Rotation::Rounds {
  void (*there)(const Span&);
  void (*back)(const Span&);

  static const Rounds kPlain;
  static const Rounds kAvx2;
};
constinit const Rotation::Rounds Rotation::Rounds::kPlain = {.there = RoundPlain,
                                                             .back = BackPlain};
constinit const Rotation::Rounds Rotation::Rounds::kAvx2 = {.there = RoundAvx2, .back = BackAvx2};

Rotation::Rotation(std::size_t dimension, Instructions instructions)
    : rounds_(instructions == Instructions::kFastest && __builtin_cpu_supports("avx2") != 0
                  ? &Rounds::kAvx2
                  : &Rounds::kPlain),
      dimension_(dimension),
      transform_(std::bit_floor(dimension)),
      signs_(kRounds * dimension) {
  const float unit = 1.0F / std::sqrt(static_cast<float>(transform_));
  std::mt19937 random(20'240'521);
  for (std::size_t round = 0; round < kRounds; ++round) {
    const std::size_t first = FirstOf(round);
    for (std::size_t i = 0; i < dimension_; ++i) {
      const float scale = i >= first && i < first + transform_ ? unit : 1.0F;
      signs_[round * dimension_ + i] = (random() & 1U) != 0 ? scale : -scale;
    }
  }
}

const Rotation& Rotation::Of(std::size_t dimension) {
  static Mutex mu;
  static std::unordered_map<std::size_t, std::unique_ptr<const Rotation>> rotations;
  MutexLock lock(&mu);
  std::unique_ptr<const Rotation>& rotation = rotations[dimension];
  if (rotation == nullptr) {
    rotation = std::make_unique<const Rotation>(dimension);
  }
  return *rotation;
}

void Rotation::Apply(VectorView vector, std::span<float> out) const {
  Run(vector, /*back=*/false, out);
}

void Rotation::Undo(VectorView rotated, std::span<float> out) const {
  Run(rotated, /*back=*/true, out);
}

void Rotation::Run(VectorView vector, bool back, std::span<float> out) const {
  NEARHIT_CHECK(vector.size() == dimension_ && out.size() == dimension_);
  std::vector<Lanes> copy = CopyOf(vector);
  float* const values = copy.front().values.data();
  for (std::size_t i = 0; i < kRounds; ++i) {
    const std::size_t round = back ? kRounds - 1 - i : i;
    (back ? rounds_->back : rounds_->there)({.values = values,
                                             .factors = signs_.data() + round * dimension_,
                                             .n = dimension_,
                                             .first = FirstOf(round),
                                             .transformed = transform_});
  }
  std::copy_n(values, dimension_, out.begin());
}

}  // namespace nearhit
