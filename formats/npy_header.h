// The header of a NumPy .npy file: what the array holds and where its data begins.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "nearhit/result.h"

namespace nearhit {

struct NpyHeader {
  std::size_t component_bytes = 0;  // of a little-endian float: 2, 4 or 8
  std::uint64_t rows = 0;
  std::uint64_t dimension = 0;
};

// Bytes before the length field: magic and version.
inline constexpr std::size_t kNpyPreambleBytes = 8;

// Parses the Python dictionary of a header: "{'descr': '<f4', 'fortran_order': False, 'shape': (3,
// 4), }". Errors: kInvalidArgument for anything but a two-dimensional, C-order array of '<f2',
// '<f4' or '<f8'.
Result<NpyHeader> ParseNpyHeader(std::string_view dictionary);

}  // namespace nearhit
