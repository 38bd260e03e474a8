// The arithmetic of a transformer encoder: products with packed weights, softmax, layer norm,
// quantisation. Chosen once per process from what the processor offers: AVX-512 with VNNI, AVX2
// with FMA, scalar. All sets give the same results but for the rounding of float32 sums.
//
// Packed weights: the columns of a k x n matrix in panels of `panel` columns, the last one filled
// up with zeros; a panel holds its rows one after the other. Bytes come in groups of `group` rows:
// for each column the bytes of these rows.
//
// Products of bytes are made of rotated rows (Ashkboos et al. 2024, "QuaRot"): activations and
// weights are both multiplied by the same orthogonal matrix, which leaves their products as they
// are and spreads the few large values of a row over all of it, so that 8 bits are enough. Rows are
// filled up with zeros to whole blocks of kRotationBlock.
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
  ProductOutput to;                      // k a multiple of kRotationBlock, at most kMaxQuantized
  const std::byte* a = nullptr;          // rows of to.k activations, one after the other
  const float* a_scales = nullptr;       // one per row
  const std::int8_t* b = nullptr;        // packed; -127 to 127
  const std::int32_t* b_sums = nullptr;  // what a sum starts with, one per column: see `offset`
  const float* b_scales = nullptr;       // one per column, n rounded up to whole panels
};

// Floats that are rotated together.
inline constexpr std::size_t kRotationBlock = 128;
// The largest k whose sums cannot overflow 32 bits: 255 * 127 * k.
inline constexpr std::size_t kMaxQuantized = 65'536;

constexpr std::size_t QuantizedSize(std::size_t n) {
  return (n + kRotationBlock - 1) / kRotationBlock * kRotationBlock;
}

struct EncoderKernels {
  const char* name;
  std::size_t panel;  // columns of a panel of packed weights

  // How the processor wants the factors of a product of bytes: rows of b in a group, bytes of an
  // activation, and what is added to each activation so that none is negative. A column's sum
  // starts with -offset times the sum of its weights.
  std::size_t group;
  std::size_t activation_bytes;
  std::int32_t offset;

  void (*multiply)(const FloatProduct& product);
  // Sums are exact in 32 bits: the result does not depend on the processor.
  void (*multiply_quantized)(const QuantizedProduct& product);
  // Multiplies each block of a row, the last one filled up with zeros, by the Hadamard matrix of
  // entries 1 and -1: out, of QuantizedSize(n) floats, is sqrt(kRotationBlock) times the rotated
  // row. The same bits on every processor.
  void (*rotate)(const float* row, std::size_t n, float* out);
  // Rounds a row to -127 to 127 and returns the scale: row[i] ~ value * scale. Writes n values of
  // activation_bytes with `offset` added. Requires: n a multiple of kRotationBlock.
  float (*quantize)(const float* row, std::size_t n, std::byte* out);
  // out = (x - mean(x)) / sqrt(variance(x) + eps) * gain + bias with x = a + b; out may be a or b.
  void (*add_layer_norm)(const float* a, const float* b, std::size_t n, float eps,
                         const float* gain, const float* bias, float* out);
  // In place; e^-87 stands for what is smaller. Requires: n >= 1, and room in the row for n rounded
  // up to a panel. What is there beyond n may be anything and is overwritten.
  void (*softmax)(float* row, std::size_t n);
};

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
