// Small values as people type them: durations, vectors, base64.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nearhit/result.h"

namespace nearhit {

// "500ms", "30s", "15m", "12h", "7d", or a number of milliseconds, as milliseconds >= 0.
// Errors: kInvalidArgument.
Result<std::int64_t> ParseDurationMs(std::string_view text);

// A decimal number, with a '+' and spaces around it or not. What is too small for a Number is the
// nearest one, zero at last. Empty for anything else and for what is not finite. For float and
// double.
template <typename Number>
std::optional<Number> ParseNumber(std::string_view text);

// Numbers between optional brackets, separated by commas, semicolons or spaces. "@FILE" is the
// first row of a vector file (formats/vector_file.h). Errors: kInvalidArgument for anything else,
// an empty vector or a component that is not finite.
Result<std::vector<float>> ParseVector(std::string_view text);

// Vectors as they travel: float32, little-endian. Decoding drops an incomplete last component.
std::string EncodeVector(std::span<const float> vector);
std::vector<float> DecodeVector(std::string_view bytes);

std::string EncodeBase64(std::string_view bytes);
// Errors: kInvalidArgument.
Result<std::string> DecodeBase64(std::string_view text);

// The parts between `separator`, without the spaces around them; empty parts are left out.
std::vector<std::string> SplitList(std::string_view text, char separator);

}  // namespace nearhit
