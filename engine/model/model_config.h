// The settings of a model folder, as Hugging Face and sentence-transformers write them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "nearhit/result.h"

namespace nearhit {

// How the vectors of the tokens become the vector of the text.
enum class Pooling : std::uint8_t {
  kMean,  // the mean over all tokens, [CLS] and [SEP] included
  kCls,   // the vector of the first token
};

// Shape of a BERT encoder. All sizes are at least 1 and hidden is a multiple of heads.
struct BertConfig {
  std::size_t layers = 0;
  std::size_t hidden = 0;
  std::size_t heads = 0;
  std::size_t intermediate = 0;
  std::size_t vocabulary = 0;
  std::size_t positions = 0;  // longest text that the position table has room for
  std::size_t token_types = 0;
  float layer_norm_eps = 1e-12F;
};

struct ModelConfig {
  enum class Kind : std::uint8_t {
    kBert,    // a transformer; `bert` and `pooling` hold
    kStatic,  // Model2Vec: a table of token vectors
  };

  Kind kind = Kind::kBert;
  BertConfig bert{};
  Pooling pooling = Pooling::kMean;
  bool normalize = false;      // vectors are scaled to length 1
  std::size_t max_tokens = 0;  // of one text, [CLS] and [SEP] included; what is beyond is not read
  std::string prefix{};        // put before each text; "" unless the model names a default prompt
};

// Reads config.json, and where they are there: modules.json and the pooling settings it points to,
// sentence_bert_config.json (max_seq_length), config_sentence_transformers.json (the default
// prompt) and tokenizer_config.json (model_max_length). Without modules.json pooling is the mean
// and vectors are not normalised, as in sentence-transformers.
//
// Errors, each naming the file, the key and what was expected: kNotFound without config.json;
// kUnavailable when a file cannot be read; kInvalidArgument for another architecture, activation,
// kind of positions or pooling, and for whatever else is wrong.
Result<ModelConfig> ReadModelConfig(const std::filesystem::path& folder);

}  // namespace nearhit
