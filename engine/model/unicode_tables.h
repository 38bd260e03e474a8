// The tables behind UnicodeFlags (unicode.h), as ranges of code points.
#pragma once

#include <cstdint>
#include <span>

namespace nearhit {

// An inclusive range of code points.
struct UnicodeRange {
  std::uint32_t first;
  std::uint32_t last;
};

// Each ascending and without overlaps.
std::span<const UnicodeRange> RemovedRanges();
std::span<const UnicodeRange> SpaceRanges();
std::span<const UnicodeRange> IdeographRanges();
std::span<const UnicodeRange> PunctuationRanges();
std::span<const UnicodeRange> AccentRanges();
std::span<const UnicodeRange> ReorderedRanges();

}  // namespace nearhit
