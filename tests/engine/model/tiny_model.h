// A folder with a BERT of two layers, made-up weights and eight tokens:
// [PAD] [UNK] [CLS] [SEP] [MASK] red blue ##s. It reads 12 tokens.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "tests/engine/model/naive_bert.h"
#include "tests/support/temp_dir.h"

namespace nearhit {

class TinyModel {
 public:
  TinyModel();

  const std::filesystem::path& path() const { return dir_.path(); }
  NaiveBert& naive() { return naive_; }

  void Write(const char* name, std::string_view bytes) const;
  // Asks an encoder for the tensors that it wants, and writes just these.
  void WriteWeights(const std::string& prefix);

  static constexpr BertConfig kShape{.layers = 2,
                                     .hidden = 16,
                                     .heads = 2,
                                     .intermediate = 32,
                                     .vocabulary = 8,
                                     .positions = 12,
                                     .token_types = 2};

 private:
  const TempDir dir_;
  NaiveBert naive_{kShape};
};

}  // namespace nearhit
