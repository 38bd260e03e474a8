// The arithmetic of a transformer encoder: products with packed weights, softmax, layer norm,
// quantisation. Chosen once per process from what the processor offers: AVX-512 with VNNI, AVX2
// with FMA, scalar. All sets give the same results but for the rounding of float32 sums.
//
// Packed weights: the columns of a k x n matrix in panels of `panel` columns, the last one filled
// up with zeros; a panel holds its rows one after the other. Bytes come in pairs of rows: for each
// column the byte of the even row and of the odd one; an odd k is filled up with a row of zeros.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace nearhit {

// The part that both kinds of product share: out = f(a * b + bias), m x n, f being GELU (the exact
// one, by erf) or nothing. Strides count elements from row to row.
struct ProductOutput {
  std::size_t m = 0;
  std::size_t n = 0;
  std::size_t k = 0;
  const float* bias = nullptr;  // n rounded up to whole panels; null: none
  bool gelu = false;
  float* out = nullptr;
  std::size_t out_stride = 0;
};

struct FloatProduct {
  ProductOutput to;
  const float* a = nullptr;
  std::size_t a_stride = 0;
  const float* b = nullptr;  // packed
};

struct QuantizedProduct {
  ProductOutput to;
  const std::int16_t* a = nullptr;  // rows zero from k to the next even number
  std::size_t a_stride = 0;         // even
  const float* a_scales = nullptr;  // one per row
  const std::int8_t* b = nullptr;   // packed; -127 to 127
  const float* b_scales = nullptr;  // one per column, n rounded up to whole panels
};

// The largest activation that cannot overflow 32 bits in a product over k, however the weights are.
constexpr std::int32_t ActivationLimit(std::size_t k) {
  constexpr std::int64_t kMax16 = 32'767;
  constexpr std::int64_t kMax32 = 2'147'483'647;
  constexpr std::int64_t kMaxWeight = 127;
  const std::int64_t limit = kMax32 / (kMaxWeight * static_cast<std::int64_t>(k > 0 ? k : 1));
  return static_cast<std::int32_t>(limit < kMax16 ? limit : kMax16);
}

struct EncoderKernels {
  const char* name;
  std::size_t panel;  // columns of a panel of packed weights

  void (*multiply)(const FloatProduct& product);
  // Sums are exact in 32 bits: the result does not depend on the processor.
  void (*multiply_quantized)(const QuantizedProduct& product);
  // Rounds a row to 16 bits, -limit to limit, and returns the scale: row[i] ~ out[i] * scale. Fills
  // out with zeros up to a whole number of kRowMultiple elements, which the caller has there.
  float (*quantize)(const float* row, std::size_t n, std::int32_t limit, std::int16_t* out);
  // out = (x - mean(x)) / sqrt(variance(x) + eps) * gain + bias with x = a + b; out may be a or b.
  void (*add_layer_norm)(const float* a, const float* b, std::size_t n, float eps,
                         const float* gain, const float* bias, float* out);
  // In place; e^-87 stands for what is smaller. Requires: n >= 1, and room in the row for n rounded
  // up to a panel. What is there beyond n may be anything and is overwritten.
  void (*softmax)(float* row, std::size_t n);
};

// Rows of quantised activations are this many elements apart, or a multiple.
inline constexpr std::size_t kRowMultiple = 32;

// The fastest that this processor runs.
const EncoderKernels& BestEncoderKernels();
// Every one that this processor runs, fastest first; for tests and benchmarks.
std::span<const EncoderKernels> AvailableEncoderKernels();

// The sets themselves, one in each encoder_kernels_*.cc. They exist everywhere and run where the
// processor can.
EncoderKernels ScalarEncoderKernels();
EncoderKernels Avx2EncoderKernels();
EncoderKernels Avx512EncoderKernels();

}  // namespace nearhit
