// Kind "local": text to vector by a model on this machine. What nearhit/local_embedder.h registers.
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

#include "engine/model/bert_encoder.h"
#include "engine/model/model_config.h"
#include "engine/model/tokenizer.h"
#include "nearhit/embedder.h"
#include "nearhit/result.h"

namespace nearhit {

// Tokens, then a BERT encoder. The identity names what decides a vector: the hash of the weights,
// the arithmetic, pooling, the longest text and the prefix.
//
// Thread-safety: thread-safe; it does not change once made, and calls run together.
class LocalEmbedder final : public Embedder {
 public:
  // Loads a folder with an encoder or, as a StaticEmbedder, one with a static model.
  //
  // Errors: those of ReadModelConfig, LoadTokenizer, Safetensors and BertEncoder::Load;
  // kInvalidArgument when the tokenizer knows more tokens than the model has vectors for.
  static Result<std::shared_ptr<const Embedder>> Load(const std::filesystem::path& folder);

  std::string_view identity() const override { return identity_; }
  std::size_t dimension() const override { return encoder_->dimension(); }
  // Milliseconds of work rather than waiting, but no thread that serves others should do it.
  bool may_block() const override { return true; }
  // Of the encoder's weights.
  std::size_t memory_bytes() const { return encoder_->memory_bytes(); }

  // A text of more tokens than the model reads, or with a word or sign that its vocabulary has no
  // token for, gets a row of zeros. Errors: kDeadlineExceeded,
  // looked at between the layers.
  Result<std::vector<float>> Embed(std::span<const std::string_view> texts,
                                   std::chrono::steady_clock::time_point deadline) const override;

 private:
  // Texts that go through the encoder together, one after the other.
  struct Pass {
    std::vector<std::int32_t> ids;
    std::vector<std::uint32_t> lengths;
    std::vector<std::size_t> rows;
  };

  LocalEmbedder(std::string identity, ModelConfig config,
                std::unique_ptr<const Tokenizer> tokenizer, std::unique_ptr<BertEncoder> encoder);

  Status Run(Pass* pass, std::chrono::steady_clock::time_point deadline,
             std::vector<float>* rows) const;

  const std::string identity_;
  const ModelConfig config_;
  const std::unique_ptr<const Tokenizer> tokenizer_;
  const std::unique_ptr<BertEncoder> encoder_;
};

}  // namespace nearhit
