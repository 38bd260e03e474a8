#include "engine/model/linear.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/round_up.h"

namespace nearhit {

namespace {

constexpr float kMaxWeight = 127;

// To the nearest, halves to even, for what fits into 22 bits. std::nearbyint is a call of libm
// here, which is most of a model's loading.
float RoundToInteger(float x) {
  constexpr float kNoFraction = 12'582'912;  // 1.5 * 2^23: numbers this large have none
  return (x + kNoFraction) - kNoFraction;
}

}  // namespace

Linear::Linear(const EncoderKernels& kernels, Arithmetic arithmetic, std::span<const float> weight,
               std::span<const float> bias)
    : kernels_(&kernels),
      inputs_(weight.size() / bias.size()),
      outputs_(bias.size()),
      bias_(RoundUp(bias.size(), kernels.panel)) {
  std::copy(bias.begin(), bias.end(), bias_.data());
  if (arithmetic == Arithmetic::kFloat32) {
    PackFloats(weight);
  } else {
    PackBytes(weight);
  }
}

void Linear::PackFloats(std::span<const float> weight) {
  const std::size_t panel = kernels_->panel;
  floats_ = AlignedArray<float>(bias_.size() * inputs_);
  for (std::size_t row = 0; row < outputs_; ++row) {
    float* to = floats_.data() + row / panel * panel * inputs_ + row % panel;
    for (std::size_t k = 0; k < inputs_; ++k) {
      to[k * panel] = weight[row * inputs_ + k];
    }
  }
}

void Linear::PackBytes(std::span<const float> weight) {
  const std::size_t panel = kernels_->panel;
  const std::size_t group = kernels_->group;
  const std::size_t size = QuantizedSize(inputs_);
  bytes_ = AlignedArray<std::int8_t>(bias_.size() * size);
  byte_sums_ = AlignedArray<std::int32_t>(bias_.size());
  byte_scales_ = AlignedArray<float>(bias_.size());
  AlignedArray<float> rotated(size);
  AlignedArray<std::int8_t> rounded_row(size);
  for (std::size_t row = 0; row < outputs_; ++row) {
    kernels_->rotate(weight.data() + row * inputs_, inputs_, rotated.data());
    float largest = 0;
    for (std::size_t k = 0; k < size; ++k) {
      largest = std::max(largest, std::abs(rotated[k]));
    }
    // Both factors of a product are rotated, each sqrt(kRotationBlock) times too long.
    byte_scales_[row] = largest / (kMaxWeight * static_cast<float>(kRotationBlock));
    const float inverse = largest > 0 ? kMaxWeight / largest : 0;
    std::int32_t sum = 0;
    for (std::size_t k = 0; k < size; ++k) {
      const float rounded = RoundToInteger(rotated[k] * inverse);
      rounded_row[k] = static_cast<std::int8_t>(std::clamp(rounded, -kMaxWeight, kMaxWeight));
      sum += rounded_row[k];
    }
    std::int8_t* to = bytes_.data() + row / panel * panel * size + row % panel * group;
    for (std::size_t k = 0; k < size; k += group) {
      std::memcpy(to + k * panel, rounded_row.data() + k, group);
    }
    byte_sums_[row] = -kernels_->offset * sum;
  }
}

std::size_t Linear::quantized_bytes() const {
  return QuantizedSize(inputs_) * kernels_->activation_bytes;
}

std::size_t Linear::memory_bytes() const {
  return (bias_.size() + floats_.size() + byte_scales_.size()) * sizeof(float) +
         byte_sums_.size() * sizeof(std::int32_t) + bytes_.size();
}

ProductOutput Linear::Output(std::size_t rows, Activation activation, float* out) const {
  return {.m = rows,
          .n = outputs_,
          .k = inputs_,
          .bias = bias_.data(),
          .gelu = activation == Activation::kGelu,
          .out = out,
          .out_stride = outputs_};
}

void Linear::Apply(const float* x, std::size_t rows, Activation activation, float* out) const {
  NEARHIT_DCHECK(floats_.size() > 0);
  kernels_->multiply(
      {.to = Output(rows, activation, out), .a = x, .a_stride = inputs_, .b = floats_.data()});
}

void Linear::Apply(const QuantizedRows& x, std::size_t rows, Activation activation,
                   float* out) const {
  NEARHIT_DCHECK(bytes_.size() > 0);
  ProductOutput to = Output(rows, activation, out);
  to.k = QuantizedSize(inputs_);
  kernels_->multiply_quantized({.to = to,
                                .a = x.values,
                                .a_scales = x.scales,
                                .b = bytes_.data(),
                                .b_sums = byte_sums_.data(),
                                .b_scales = byte_scales_.data()});
}

void Linear::Quantize(const float* x, std::size_t rows, float* rotated, std::byte* values,
                      float* scales) const {
  for (std::size_t row = 0; row < rows; ++row) {
    kernels_->rotate(x + row * inputs_, inputs_, rotated);
    scales[row] =
        kernels_->quantize(rotated, QuantizedSize(inputs_), values + row * quantized_bytes());
  }
}

}  // namespace nearhit
