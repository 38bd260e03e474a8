#include "engine/collection/normalize.h"

#include <algorithm>
#include <cmath>

#include "index/vector_index.h"

namespace nearhit {

namespace {
// Sum of squares in double: neither overflow nor underflow for any finite float32 vector worth the
// name.
double SquaredNorm(VectorView vector) {
  double sum = 0;
  for (const float component : vector) {
    sum += static_cast<double>(component) * static_cast<double>(component);
  }
  return sum;
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
