#include "engine/model/encoder_scratch.h"

#include <algorithm>
#include <utility>

namespace nearhit {

EncoderScratch::EncoderScratch(const EncoderKernels& kernels, const BertConfig& config)
    : attention(kernels, config.hidden, config.heads),
      hidden_size_(config.hidden),
      wide_size_(config.intermediate),
      activation_bytes_(kernels.activation_bytes) {
}

void EncoderScratch::Reserve(std::size_t tokens) {
  if (tokens <= reserved_) {
    return;
  }
  const std::size_t widest = QuantizedSize(std::max(hidden_size_, wide_size_));
  hidden = AlignedArray<float>(tokens * hidden_size_);
  query_key_value = AlignedArray<float>(tokens * 3 * hidden_size_);
  context = AlignedArray<float>(tokens * hidden_size_);
  wide = AlignedArray<float>(tokens * wide_size_);
  rotated = AlignedArray<float>(widest);
  quantized = AlignedArray<std::byte>(tokens * widest * activation_bytes_);
  scales = AlignedArray<float>(tokens);
  reserved_ = tokens;
}

std::unique_ptr<EncoderScratch> ScratchPool::Take() {
  {
    const MutexLock lock(&mu_);
    if (!free_.empty()) {
      std::unique_ptr<EncoderScratch> scratch = std::move(free_.back());
      free_.pop_back();
      return scratch;
    }
  }
  return std::make_unique<EncoderScratch>(kernels_, config_);
}

void ScratchPool::GiveBack(std::unique_ptr<EncoderScratch> scratch) {
  const MutexLock lock(&mu_);
  free_.push_back(std::move(scratch));
}

}  // namespace nearhit
