#include "tests/engine/model/tiny_model.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/model/bert_encoder.h"
#include "tests/support/safetensors_writer.h"
#include "tests/support/status_matchers.h"

namespace nearhit {

TinyModel::TinyModel() {
  Write("config.json", R"({"model_type": "bert", "hidden_act": "gelu", "hidden_size": 16,
      "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "vocab_size": 8,
      "max_position_embeddings": 12, "type_vocab_size": 2, "layer_norm_eps": 1e-12})");
  Write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nred\nblue\n##s\n");
  WriteWeights("");
}

void TinyModel::Write(const char* name, std::string_view bytes) const {
  std::ofstream(dir_.path() / name, std::ios::binary) << bytes;
}

void TinyModel::WriteWeights(const std::string& prefix) {
  SafetensorsWriter writer;
  const TensorReader read = naive_.Reader();
  const auto recording = [&](std::string_view name, std::span<const std::size_t> shape) {
    auto values = read(name, shape);
    writer.AddF32(prefix + std::string(name), {shape.begin(), shape.end()}, *values);
    return values;
  };
  ASSERT_THAT(BertEncoder::Load(kShape, {}, recording), IsOk());
  Write("model.safetensors", writer.File());
}

}  // namespace nearhit
