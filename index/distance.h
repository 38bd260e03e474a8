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

// Where the second half of a query's codes begins for a plane of so many bytes.
inline constexpr std::size_t NibbleStride(std::size_t plane_bytes) {
  return (plane_bytes + 63) / 64 * 64;
}

struct DistanceKernels {
  std::string_view name;
  // Sum of a[i] * b[i].
  float (*dot)(const float* a, const float* b, std::size_t n);
  // Sum of (a[i] - b[i])^2.
  float (*l2_squared)(const float* a, const float* b, std::size_t n);
  // Sum over the bytes of a plane of its low nibbles times query[i] and of its high ones times
  // query[NibbleStride(bytes) + i], nibbles as 0 to 15. Exact for bytes <= kMaxDimension.
  // Requires: the query has both halves, each filled up to NibbleStride(bytes) with zeros.
  std::int32_t (*dot_nibbles)(const std::uint8_t* plane, const std::int8_t* query,
                              std::size_t bytes);
};

// The fastest that this processor runs.
const DistanceKernels& Kernels();
// Every one that this processor runs, fastest first; for tests and benchmarks.
std::span<const DistanceKernels> AvailableKernels();

}  // namespace nearhit
