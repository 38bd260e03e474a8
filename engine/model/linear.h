// A linear layer of a network, its weights packed for the kernels of this processor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/model/aligned_array.h"
#include "engine/model/bert_config.h"
#include "engine/model/encoder_kernels.h"

namespace nearhit {

enum class Activation : bool { kNone, kGelu };

// Rows of rotated activations as the kernels want them, each with its scale.
struct QuantizedRows {
  const std::byte* values = nullptr;
  const float* scales = nullptr;
};

// y = x * W^T + b. Holds W as float32 or as bytes with a scale per output, never both.
//
// Thread-safety: const methods thread-safe. Ownership: owns its memory; the kernels are the
// process's. Errors: none.
class Linear {
 public:
  Linear() = default;
  // `weight` has a row of `inputs` for each value of `bias`; all finite.
  Linear(const EncoderKernels& kernels, Arithmetic arithmetic, std::span<const float> weight,
         std::span<const float> bias);

  std::size_t inputs() const { return inputs_; }
  std::size_t outputs() const { return outputs_; }
  // Bytes of a row of activations that Quantize makes.
  std::size_t quantized_bytes() const;
  std::size_t memory_bytes() const;

  // `rows` rows of inputs() in, of outputs() out. Requires: made for kFloat32.
  void Apply(const float* x, std::size_t rows, Activation activation, float* out) const;
  // The same for activations that Quantize made. Requires: made for kFast.
  void Apply(const QuantizedRows& x, std::size_t rows, Activation activation, float* out) const;
  // Rotates and rounds `rows` rows of x, which has inputs() a row, to rows of quantized_bytes()
  // with a scale each. `rotated` is room for one row of QuantizedSize(inputs()).
  void Quantize(const float* x, std::size_t rows, float* rotated, std::byte* values,
                float* scales) const;

 private:
  void PackFloats(std::span<const float> weight);
  void PackBytes(std::span<const float> weight);
  ProductOutput Output(std::size_t rows, Activation activation, float* out) const;

  const EncoderKernels* kernels_ = nullptr;
  std::size_t inputs_ = 0;
  std::size_t outputs_ = 0;
  AlignedArray<float> bias_;  // filled up to whole panels, as all that follows
  AlignedArray<float> floats_;
  AlignedArray<std::int8_t> bytes_;
  AlignedArray<std::int32_t> byte_sums_;
  AlignedArray<float> byte_scales_;
};

}  // namespace nearhit
