// Which frame the codes of an index should have (codec.h).
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "index/codec.h"
#include "index/vector_index.h"

namespace nearhit {

// The frame for vectors like those of `ids`, of which some hundred are read: nothing when `now` is
// good enough for them. Without a centre: none. `dimension` floats each.
std::optional<Frame> BetterFrame(std::size_t dimension, std::span<const EntryId> ids,
                                 const VectorSource& source, const Frame& now);

}  // namespace nearhit
