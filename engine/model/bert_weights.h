// The weights of a BERT encoder, read by name and made ready for the kernels.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/model/bert_config.h"
#include "engine/model/encoder_kernels.h"
#include "engine/model/linear.h"
#include "nearhit/result.h"

namespace nearhit {

// Reads a tensor as float32 by its name in the model file, without the prefix "bert.": for example
// "encoder.layer.0.attention.self.query.weight". `shape` is what it has to have, outermost first.
// The values come row by row. Errors: what the reader says; they pass through unchanged.
using TensorReader = std::function<Result<std::vector<float>>(std::string_view name,
                                                              std::span<const std::size_t> shape)>;

struct LayerNormWeights {
  std::vector<float> gain;
  std::vector<float> bias;
};

struct BertLayerWeights {
  // Outputs: queries (already divided by the root of the head's size), keys, values.
  Linear query_key_value;
  Linear attention_output;
  LayerNormWeights attention_norm;
  Linear intermediate;
  Linear output;
  LayerNormWeights output_norm;
};

struct BertWeights {
  std::vector<float> words;      // vocabulary x hidden
  std::vector<float> positions;  // positions x hidden, the first token type added
  LayerNormWeights embedding_norm;
  std::vector<BertLayerWeights> layers;

  std::size_t memory_bytes() const;
};

// Reads each tensor once. Errors: kInvalidArgument for a shape that is no BERT, and for a tensor
// that has not as many values as its shape says or one that is not finite; what `read` returns.
Result<BertWeights> LoadBertWeights(const BertConfig& config, Arithmetic arithmetic,
                                    const EncoderKernels& kernels, const TensorReader& read);

}  // namespace nearhit
