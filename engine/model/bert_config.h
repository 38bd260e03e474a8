// The shape of a BERT encoder, as its config.json gives it, and how its vectors are made.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nearhit {

struct BertConfig {
  std::size_t layers = 0;
  std::size_t hidden = 0;  // a multiple of heads
  std::size_t heads = 0;
  std::size_t intermediate = 0;
  std::size_t vocabulary = 0;
  std::size_t positions = 0;    // tokens that a text may have
  std::size_t token_types = 0;  // only the first is used
  float layer_norm_eps = 1e-12F;
};

// How the vectors of a text's tokens become one.
enum class Pooling : std::uint8_t {
  kMean,  // the mean over all tokens, [CLS] and [SEP] included
  kCls,   // the vector of the first token
};

// kFloat32 is the reference. kFast keeps weights in 8 bits with a scale per output channel and
// rounds activations to about 14 bits with a scale per token (docs/decisions/0007).
enum class Arithmetic : std::uint8_t { kFloat32, kFast };

}  // namespace nearhit
