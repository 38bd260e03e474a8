// Normalisation happens once, at the edge of the engine; behind it cosine is a dot product.
#pragma once

#include <span>

#include "nearhit/types.h"

namespace nearhit {

// Scales `vector` to unit length under kCosine; leaves it alone otherwise. Returns false for a vector that
// the metric cannot take: a component that is not finite, or all zeros under cosine.
bool NormalizeFor(Metric metric, std::span<float> vector);

// Whether NormalizeFor would succeed.
bool IsValidVector(Metric metric, VectorView vector);

}  // namespace nearhit
