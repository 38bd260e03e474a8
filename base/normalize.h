// Normalisation happens once, at the edge of the engine; behind it cosine is a dot product.
#pragma once

#include <span>

#include "nearhit/types.h"

namespace nearhit {

// Largest squared length of a vector under the other metrics than cosine. Longer ones could have
// scores that are not numbers (infinity minus infinity), and those have no order.
inline constexpr double kMaxSquaredNorm = 1e36;

// Scales `vector` to unit length under kCosine; leaves it alone otherwise. Returns false for a
// vector that the metric cannot take: a component that is not finite, all zeros under cosine, a
// length over 1e18 (kMaxSquaredNorm) under the others.
bool NormalizeFor(Metric metric, std::span<float> vector);

// Whether every component is 0: how an embedder says that a text has no vector.
bool IsZero(VectorView vector);

// Whether NormalizeFor would succeed.
bool IsValidVector(Metric metric, VectorView vector);

}  // namespace nearhit
