// Vectors that a model must come to, shipped with nearhit: the self-test of a model's folder.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "nearhit/embedder.h"
#include "nearhit/local_embedder.h"
#include "nearhit/result.h"

namespace nearhit {

// A sentence and the direction of its vector by the float32 model, rounded to 8 bits.
struct ReferenceVector {
  std::string_view text;
  std::span<const std::int8_t> vector;
};

// Of the model whose weights have this hash; empty for all but all-MiniLM-L6-v2. Valid for good.
std::span<const ReferenceVector> ReferencesOf(std::string_view weights_sha256);

// The cosine of each vector that `embedder` makes to the shipped one; 0 where it makes none.
// Errors: kInvalidArgument when its dimension is another one; those of Embedder::Embed.
Result<std::vector<ReferenceCheck>> CompareWith(std::span<const ReferenceVector> references,
                                                const Embedder& embedder);

}  // namespace nearhit
