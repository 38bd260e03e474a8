#include "engine/model/tensor_numbers.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace nearhit {
namespace {

// Reads a T at a time, from any alignment, and writes what `convert` makes of it.
template <typename T, typename Out, typename Convert>
void ForEach(std::span<const std::byte> bytes, std::span<Out> out, const Convert& convert) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    T value{};
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    out[i] = convert(value);
  }
}

template <typename T>
void Widen(const Tensor& tensor, std::span<std::int64_t> out) {
  ForEach<T>(tensor.bytes, out, [](T value) { return static_cast<std::int64_t>(value); });
}

}  // namespace

std::size_t TensorTypeBytes(TensorType type) {
  switch (type) {
    case TensorType::kBool:
    case TensorType::kU8:
    case TensorType::kI8:
      return 1;
    case TensorType::kU16:
    case TensorType::kI16:
    case TensorType::kF16:
    case TensorType::kBF16:
      return 2;
    case TensorType::kU32:
    case TensorType::kI32:
    case TensorType::kF32:
      return 4;
    case TensorType::kU64:
    case TensorType::kI64:
    case TensorType::kF64:
      return 8;
  }
  return 1;
}

float HalfToFloat(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000U) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1FU;
  const std::uint32_t fraction = bits & 0x3FFU;
  if (exponent == 0x1F) {  // infinity, NaN
    return std::bit_cast<float>(sign | 0x7F800000U | (fraction << 13));
  }
  if (exponent == 0) {  // zero, subnormal: fraction * 2^-24
    const float magnitude = std::ldexp(static_cast<float>(fraction), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
}

bool ConvertToFloats(const Tensor& tensor, std::span<float> out) {
  switch (tensor.type) {
    case TensorType::kF32:
      if (!out.empty()) {
        std::memcpy(out.data(), tensor.bytes.data(), tensor.bytes.size());
      }
      return true;
    case TensorType::kF16:
      ForEach<std::uint16_t>(tensor.bytes, out, HalfToFloat);
      return true;
    case TensorType::kBF16:
      ForEach<std::uint16_t>(tensor.bytes, out, [](std::uint16_t bits) {
        return std::bit_cast<float>(std::uint32_t{bits} << 16);
      });
      return true;
    case TensorType::kF64:
      ForEach<double>(tensor.bytes, out, [](double value) { return static_cast<float>(value); });
      return true;
    case TensorType::kI8:
      ForEach<std::int8_t>(tensor.bytes, out,
                           [](std::int8_t value) { return static_cast<float>(value); });
      return true;
    default:
      return false;
  }
}

bool ConvertToIntegers(const Tensor& tensor, std::span<std::int64_t> out) {
  switch (tensor.type) {
    case TensorType::kI8:
      Widen<std::int8_t>(tensor, out);
      return true;
    case TensorType::kU8:
      Widen<std::uint8_t>(tensor, out);
      return true;
    case TensorType::kI16:
      Widen<std::int16_t>(tensor, out);
      return true;
    case TensorType::kU16:
      Widen<std::uint16_t>(tensor, out);
      return true;
    case TensorType::kI32:
      Widen<std::int32_t>(tensor, out);
      return true;
    case TensorType::kU32:
      Widen<std::uint32_t>(tensor, out);
      return true;
    case TensorType::kI64:
      Widen<std::int64_t>(tensor, out);
      return true;
    default:
      return false;
  }
}

std::size_t FirstNotFinite(std::span<const float> numbers) {
  // Integers first: a loop that vectorizes, and for good weights the only one.
  constexpr std::uint32_t kExponent = 0x7F800000U;
  std::uint32_t largest = 0;
  for (const float number : numbers) {
    largest = std::max(largest, std::bit_cast<std::uint32_t>(number) & kExponent);
  }
  if (largest != kExponent) {
    return numbers.size();
  }
  const auto bad = std::find_if(numbers.begin(), numbers.end(),
                                [](float value) { return !std::isfinite(value); });
  return static_cast<std::size_t>(bad - numbers.begin());
}

}  // namespace nearhit
