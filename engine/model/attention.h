// Self-attention of one text over all heads, in float32: a few per cent of an encoder's work for
// short texts, so it is the same in every arithmetic.
#pragma once

#include <cstddef>

#include "engine/model/aligned_array.h"
#include "engine/model/encoder_kernels.h"

namespace nearhit {

// Works out softmax(Q * K^T) * V head by head; one head of a short text stays in the L1 cache.
//
// Thread-safety: owned by one thread. Ownership: owns its scratch memory, which grows to the
// longest text seen and stays. Errors: none.
class Attention {
 public:
  // Requires: hidden is a multiple of heads.
  Attention(const EncoderKernels& kernels, std::size_t hidden, std::size_t heads);

  // `qkv` has `tokens` rows of queries (scaled), keys and values, `hidden` each; `out` gets
  // `tokens` rows of `hidden`. No allocation for a text that is not longer than the longest before.
  void Apply(const float* qkv, std::size_t tokens, float* out);

 private:
  void Reserve(std::size_t tokens);
  void PackKeys(const float* keys, std::size_t tokens);
  void PackValues(const float* values, std::size_t tokens);

  const EncoderKernels& kernels_;
  const std::size_t hidden_;
  const std::size_t heads_;
  const std::size_t head_size_;

  std::size_t reserved_ = 0;    // tokens
  AlignedArray<float> keys_;    // packed: head size x tokens
  AlignedArray<float> values_;  // packed: tokens x head size
  AlignedArray<float> scores_;  // some rows of queries x tokens
};

}  // namespace nearhit
