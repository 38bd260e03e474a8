#pragma once

#include <cstddef>

namespace nearhit {

// The least multiple that is not below `value`.
constexpr std::size_t RoundUp(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace nearhit
