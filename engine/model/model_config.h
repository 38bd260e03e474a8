// The settings of a model folder, as Hugging Face and sentence-transformers write them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "engine/model/bert_config.h"
#include "nearhit/result.h"

namespace nearhit {

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
