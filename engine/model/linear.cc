#include "engine/model/linear.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace nearhit {

namespace {

constexpr float kMaxWeight = 127;

std::size_t RoundUp(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
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
  const std::size_t even = RoundUp(inputs_, 2);
  bytes_ = AlignedArray<std::int8_t>(bias_.size() * even);
  byte_scales_ = AlignedArray<float>(bias_.size());
  for (std::size_t row = 0; row < outputs_; ++row) {
    const std::span<const float> values = weight.subspan(row * inputs_, inputs_);
    float largest = 0;
    for (const float value : values) {
      largest = std::max(largest, std::abs(value));
    }
    byte_scales_[row] = largest / kMaxWeight;
    const float inverse = largest > 0 ? kMaxWeight / largest : 0;
    std::int8_t* to = bytes_.data() + row / panel * panel * even + row % panel * 2;
    for (std::size_t k = 0; k < inputs_; ++k) {
      const float rounded =
          std::clamp(std::nearbyint(values[k] * inverse), -kMaxWeight, kMaxWeight);
      to[k / 2 * panel * 2 + k % 2] = static_cast<std::int8_t>(rounded);
    }
  }
}

std::size_t Linear::quantized_stride() const {
  return RoundUp(inputs_, kRowMultiple);
}

std::size_t Linear::memory_bytes() const {
  return (bias_.size() + floats_.size() + byte_scales_.size()) * sizeof(float) + bytes_.size();
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
  kernels_->multiply_quantized({.to = Output(rows, activation, out),
                                .a = x.values,
                                .a_stride = x.stride,
                                .a_scales = x.scales,
                                .b = bytes_.data(),
                                .b_scales = byte_scales_.data()});
}

void Linear::Quantize(const float* x, std::size_t rows, std::int16_t* values, float* scales) const {
  const std::int32_t limit = ActivationLimit(inputs_);
  for (std::size_t row = 0; row < rows; ++row) {
    scales[row] =
        kernels_->quantize(x + row * inputs_, inputs_, limit, values + row * quantized_stride());
  }
}

}  // namespace nearhit
