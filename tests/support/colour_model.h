// A model folder of a few hundred bytes that kind "local" reads, for tests of what is above it.
#pragma once

#include <filesystem>
#include <fstream>

#include "tests/support/safetensors_writer.h"

namespace nearhit {

// Writes a static model of three words and two dimensions; makes `folder`. Its vectors, of length
// 1: "red" (1, 0), "crimson" (0.8, 0.6), "blue" (0, 1). "Red" is "red"; a text without any of these
// words has no vector.
inline void WriteColourModel(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "config.json") << R"({"model_type": "model2vec", "normalize": true})";
  std::ofstream(folder / "vocab.txt") << "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nred\ncrimson\nblue\n";
  SafetensorsWriter weights;
  weights.AddF32("embeddings", {8, 2}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0.8F, 0.6F, 0, 1});
  std::ofstream(folder / "model.safetensors", std::ios::binary) << weights.File();
}

}  // namespace nearhit
