#include "engine/model/attention.h"

#include <algorithm>

#include "base/round_up.h"

namespace nearhit {

namespace {

// Rows of scores worked on at a time: whole tiles of every kernel, and with 512 tokens 98 kB.
constexpr std::size_t kQueries = 48;

}  // namespace

Attention::Attention(const EncoderKernels& kernels, std::size_t hidden, std::size_t heads)
    : kernels_(kernels), hidden_(hidden), heads_(heads), head_size_(hidden / heads) {
}

void Attention::Reserve(std::size_t tokens) {
  if (tokens <= reserved_) {
    return;
  }
  const std::size_t columns = RoundUp(tokens, kernels_.panel);
  keys_ = AlignedArray<float>(columns * head_size_);
  values_ = AlignedArray<float>(tokens * RoundUp(head_size_, kernels_.panel));
  scores_ = AlignedArray<float>(std::min(tokens, kQueries) * columns);
  reserved_ = tokens;
}

void Attention::PackKeys(const float* keys, std::size_t tokens) {
  const std::size_t panel = kernels_.panel;
  for (std::size_t first = 0; first < tokens; first += panel) {
    float* to = keys_.data() + first * head_size_;
    const std::size_t columns = std::min(panel, tokens - first);
    for (std::size_t column = 0; column < columns; ++column) {
      const float* key = keys + (first + column) * 3 * hidden_;
      for (std::size_t k = 0; k < head_size_; ++k) {
        to[k * panel + column] = key[k];
      }
    }
  }
}

void Attention::PackValues(const float* values, std::size_t tokens) {
  const std::size_t panel = kernels_.panel;
  for (std::size_t first = 0; first < head_size_; first += panel) {
    float* to = values_.data() + first * tokens;
    const std::size_t columns = std::min(panel, head_size_ - first);
    for (std::size_t token = 0; token < tokens; ++token) {
      std::copy_n(values + token * 3 * hidden_ + first, columns, to + token * panel);
    }
  }
}

void Attention::Apply(const float* qkv, std::size_t tokens, float* out) {
  Reserve(tokens);
  const std::size_t columns = RoundUp(tokens, kernels_.panel);
  for (std::size_t head = 0; head < heads_; ++head) {
    const float* queries = qkv + head * head_size_;
    PackKeys(queries + hidden_, tokens);
    PackValues(queries + 2 * hidden_, tokens);
    for (std::size_t first = 0; first < tokens; first += kQueries) {
      const std::size_t rows = std::min(kQueries, tokens - first);
      // Whole panels of scores: storing parts of vectors is slow, and softmax clears what is
      // beyond.
      kernels_.multiply({.to = {.m = rows,
                                .n = columns,
                                .k = head_size_,
                                .out = scores_.data(),
                                .out_stride = columns},
                         .a = queries + first * 3 * hidden_,
                         .a_stride = 3 * hidden_,
                         .b = keys_.data()});
      for (std::size_t row = 0; row < rows; ++row) {
        kernels_.softmax(scores_.data() + row * columns, tokens);
      }
      kernels_.multiply({.to = {.m = rows,
                                .n = head_size_,
                                .k = tokens,
                                .out = out + first * hidden_ + head * head_size_,
                                .out_stride = hidden_},
                         .a = scores_.data(),
                         .a_stride = columns,
                         .b = values_.data()});
    }
  }
}

}  // namespace nearhit
