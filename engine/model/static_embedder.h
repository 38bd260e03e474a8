// Model2Vec: text to vector by looking up its tokens, in microseconds.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/model_config.h"
#include "engine/model/tokenizer.h"
#include "nearhit/embedder.h"
#include "nearhit/result.h"

namespace nearhit {

// The mean of the vectors of a text's tokens, each times its weight, scaled to length 1 where the
// model says so. Tokens can share rows of the table (the tensor `mapping`). Reads the whole text: a
// long one costs time and is not truncated. As in the reference, unknown words of WordPiece do not
// count and unknown characters of Unigram do.
//
// Thread-safety: thread-safe; it does not change once made.
class StaticEmbedder final : public Embedder {
 public:
  // Loads config.json, the tokenizer's files and model.safetensors: `embeddings` [rows, dimension];
  // where they are there, `weights` [tokens] and `mapping` [tokens] of row numbers. `identity` is
  // that of the embedder, which the caller makes from the files' hashes. `prefix` goes before each
  // text; empty: what the folder says.
  //
  // Errors: those of ReadModelConfig, LoadTokenizer and Safetensors; kInvalidArgument for a model
  // that is not static, or whose tensors do not fit together or its vocabulary.
  static Result<std::unique_ptr<const StaticEmbedder>> Load(const std::filesystem::path& folder,
                                                            std::string identity,
                                                            std::string prefix = {});

  std::string_view identity() const override { return identity_; }
  std::size_t dimension() const override { return dimension_; }
  bool may_block() const override { return false; }

  // A text that has no token which the model knows gets a row of zeros, because such texts would
  // all have one vector, and so does one over the model's length. Errors: kDeadlineExceeded, looked
  // at before each text.
  Result<std::vector<float>> Embed(std::span<const std::string_view> texts,
                                   std::chrono::steady_clock::time_point deadline) const override;

  const Tokenizer& tokenizer() const { return *tokenizer_; }
  // Of the tables.
  std::size_t memory_bytes() const {
    return table_.size() * sizeof(float) + weights_.size() * sizeof(float) +
           mapping_.size() * sizeof(std::uint32_t);
  }

 private:
  StaticEmbedder(std::string identity, ModelConfig config,
                 std::unique_ptr<const Tokenizer> tokenizer);

  Status ReadTensors(const std::filesystem::path& file);
  // Leaves `row` as it is when the text has no vector.
  void EmbedOne(std::string_view text, std::vector<std::int32_t>* ids, std::vector<double>* sums,
                std::span<float> row) const;

  const std::string identity_;
  const ModelConfig config_;
  const std::unique_ptr<const Tokenizer> tokenizer_;
  std::size_t dimension_ = 0;
  std::vector<float> table_;            // row-major
  std::vector<std::uint32_t> mapping_;  // row of each token; empty: the token's id
  std::vector<float> weights_;          // of each token; empty: 1
};

}  // namespace nearhit
