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
float UserScore(Metric metric, double raw);
// The least raw score whose UserScore is not below `user`, or a little less.
float RawScore(Metric metric, float user);

// Where the second half of a query's codes begins for a plane of so many bytes.
inline constexpr std::size_t NibbleStride(std::size_t plane_bytes) {
  return (plane_bytes + 63) / 64 * 64;
}

// Records by number, each `stride` bytes behind the one before.
struct RecordList {
  const std::byte* records = nullptr;
  std::size_t stride = 0;
  std::span<const std::uint32_t> numbers;

  std::size_t size() const { return numbers.size(); }
  const std::byte* operator[](std::size_t i) const { return records + numbers[i] * stride; }
};

// A query for planes of nibbles that begin `plane_offset` bytes into records.
struct PlaneQuery {
  // Two halves, each filled up to NibbleStride(plane_bytes) with zeros.
  const std::int8_t* codes = nullptr;
  std::size_t plane_bytes = 0;
  std::size_t plane_offset = 0;
  std::size_t scale_offset = 0;  // of a float in records
  std::int32_t bias = 0;
  float scale = 0;
};

struct DistanceKernels {
  std::string_view name;
  // Sum of a[i] * b[i].
  float (*dot)(const float* a, const float* b, std::size_t n);
  // Sum of (a[i] - b[i])^2.
  float (*l2_squared)(const float* a, const float* b, std::size_t n);
  // The same two in float64, for the last word on a score.
  double (*exact_dot)(const float* a, const float* b, std::size_t n);
  double (*exact_l2_squared)(const float* a, const float* b, std::size_t n);
  // Sum over the bytes of a plane of its low nibbles times query[i] and of its high ones times
  // query[NibbleStride(bytes) + i], nibbles as 0 to 15. Exact for bytes <= kMaxDimension.
  // Requires: the query has both halves, each filled up to NibbleStride(bytes) with zeros.
  std::int32_t (*dot_nibbles)(const std::uint8_t* plane, const std::int8_t* query,
                              std::size_t bytes);
  // scores[i] = (dot_nibbles of the plane - bias) * both scales, for each record of the list.
  void (*score_planes)(const RecordList& list, const PlaneQuery& query, float* scores);
};

// The fastest that this processor runs.
const DistanceKernels& Kernels();
// Every one that this processor runs, fastest first; for tests and benchmarks.
std::span<const DistanceKernels> AvailableKernels();

}  // namespace nearhit
