#pragma once

#include <chrono>

namespace nearhit {

inline constexpr auto kNoDeadline = std::chrono::steady_clock::time_point::max();

}  // namespace nearhit
