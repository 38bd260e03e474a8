// What a score means, and the kernels that compute it. The kernels are chosen once per process from
// what the processor offers: AVX-512 (VNNI for int8), AVX2, scalar.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "index/vector_index.h"
#include "nearhit/types.h"

namespace nearhit {

// Users see scores (nearhit/types.h), the index compares raw scores (Neighbor::score). Monotonic
// both ways.
float UserScore(Metric metric, float raw);
float RawScore(Metric metric, float user);

// What a query's signed bytes are raised by, because VNNI multiplies unsigned by signed ones.
inline constexpr std::int32_t kCodeBias = 128;

struct DistanceKernels {
  std::string_view name;
  // Sum of a[i] * b[i].
  float (*dot)(const float* a, const float* b, std::size_t n);
  // Sum of (a[i] - b[i])^2.
  float (*l2_squared)(const float* a, const float* b, std::size_t n);
  // Sum of (a[i] - kCodeBias) * b[i], exact for n <= kMaxDimension.
  // Requires: b[i] >= -127; sum_b is the sum of b.
  std::int32_t (*dot_codes)(const std::uint8_t* a, const std::int8_t* b, std::int32_t sum_b,
                            std::size_t n);
};

// The fastest that this processor runs.
const DistanceKernels& Kernels();
// Every one that this processor runs, fastest first; for tests and benchmarks.
std::span<const DistanceKernels> AvailableKernels();

}  // namespace nearhit
