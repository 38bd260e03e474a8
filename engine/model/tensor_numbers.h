// Numbers of a tensor's bytes, converted to the types that we compute with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/model/safetensors.h"

namespace nearhit {

// Bytes of one number.
std::size_t TensorTypeBytes(TensorType type);

// The value of an IEEE 754 half, given as its bits.
float HalfToFloat(std::uint16_t bits);

// Converts all numbers of `tensor`; F64 is rounded. Returns false, with `out` unspecified, for a
// type other than F32, F16, BF16, F64 and I8. Requires: out has as many places as the tensor
// numbers.
bool ConvertToFloats(const Tensor& tensor, std::span<float> out);

// Converts all numbers of `tensor`. Returns false for a type other than I8, U8, I16, U16, I32, U32
// and I64. Requires: as above.
bool ConvertToIntegers(const Tensor& tensor, std::span<std::int64_t> out);

// The index of the first number that is NaN or infinite; numbers.size() when there is none.
std::size_t FirstNotFinite(std::span<const float> numbers);

}  // namespace nearhit
