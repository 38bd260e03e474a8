// The memory that one pass of an encoder works in, and a pool of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "engine/model/aligned_array.h"
#include "engine/model/attention.h"
#include "engine/model/bert_config.h"
#include "engine/model/encoder_kernels.h"

namespace nearhit {

// Rows of activations, one per token of the texts of a pass.
//
// Thread-safety: owned by one thread. Ownership: owns its memory. Errors: none.
class EncoderScratch {
 public:
  EncoderScratch(const EncoderKernels& kernels, const BertConfig& config);

  // Makes room for `tokens` rows. Allocates when there were never as many; contents are lost then.
  void Reserve(std::size_t tokens);

  AlignedArray<float> hidden;
  AlignedArray<float> query_key_value;
  AlignedArray<float> context;  // attention's result, then that of the layers back to hidden
  AlignedArray<float> wide;     // rows of intermediate
  AlignedArray<float> rotated;  // one row
  AlignedArray<std::byte> quantized;
  AlignedArray<float> scales;
  Attention attention;

 private:
  const std::size_t hidden_size_;
  const std::size_t wide_size_;
  const std::size_t activation_bytes_;
  std::size_t reserved_ = 0;  // tokens
};

// Keeps scratch memory for the next pass.
//
// Thread-safety: thread-safe. Ownership: owns what has been given back. Errors: none.
class ScratchPool {
 public:
  ScratchPool(const EncoderKernels& kernels, const BertConfig& config)
      : kernels_(kernels), config_(config) {}

  // One that nobody uses, or a new one.
  std::unique_ptr<EncoderScratch> Take();
  void GiveBack(std::unique_ptr<EncoderScratch> scratch);

 private:
  const EncoderKernels& kernels_;
  const BertConfig config_;
  Mutex mu_;
  std::vector<std::unique_ptr<EncoderScratch>> free_ NEARHIT_GUARDED_BY(mu_);
};

}  // namespace nearhit
