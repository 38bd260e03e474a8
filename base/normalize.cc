#include "base/normalize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace nearhit {

namespace {
// Sum of squares in double: neither overflow nor underflow for any finite float32 vector worth the
// name; no number when a component is none. Partial sums, so that the compiler makes vectors of
// them: every lookup that comes with a vector waits for this.
double SquaredNorm(VectorView vector) {
  constexpr std::size_t kSums = 8;
  std::array<double, kSums> sums{};
  std::size_t i = 0;
  for (; i + kSums <= vector.size(); i += kSums) {
    for (std::size_t lane = 0; lane < kSums; ++lane) {
      const auto component = static_cast<double>(vector[i + lane]);
      sums[lane] += component * component;
    }
  }
  for (; i < vector.size(); ++i) {
    sums[0] += static_cast<double>(vector[i]) * static_cast<double>(vector[i]);
  }
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}
}  // namespace

bool IsZero(VectorView vector) {
  return std::all_of(vector.begin(), vector.end(), [](float component) { return component == 0; });
}

bool IsValidVector(Metric metric, VectorView vector) {
  const double norm = SquaredNorm(vector);
  return metric == Metric::kCosine ? std::isfinite(norm) && norm > 0 : norm <= kMaxSquaredNorm;
}

bool NormalizeFor(Metric metric, std::span<float> vector) {
  const double norm = SquaredNorm(vector);
  if (!std::isfinite(norm)) {
    return false;
  }
  if (metric != Metric::kCosine) {
    return norm <= kMaxSquaredNorm;
  }
  if (norm == 0) {
    return false;
  }
  const double scale = 1.0 / std::sqrt(norm);
  for (float& component : vector) {
    component = static_cast<float>(static_cast<double>(component) * scale);
  }
  return true;
}

}  // namespace nearhit
