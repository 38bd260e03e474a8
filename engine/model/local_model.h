// An encoder with its tokenizer, in memory once however many embedders use it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "engine/model/batcher.h"
#include "engine/model/bert_encoder.h"
#include "engine/model/model_config.h"
#include "engine/model/tokenizer.h"
#include "nearhit/result.h"

namespace nearhit {

// Thread-safety: thread-safe; it does not change once made.
class LocalModel {
 public:
  struct Options {
    Arithmetic arithmetic = Arithmetic::kFast;
    // Passes at the same time, and the threads that one large pass may use.
    std::size_t threads = 1;
    std::shared_ptr<HelperThreads> workers{};  // as EncoderOptions::workers
  };

  // `config` is what ReadModelConfig says of `folder`, of an encoder.
  //
  // Errors: those of LoadTokenizer, Safetensors and BertEncoder::Load; kInvalidArgument when the
  // tokenizer knows more tokens than the model has vectors for.
  static Result<std::shared_ptr<const LocalModel>> Load(const std::filesystem::path& folder,
                                                        ModelConfig config, const Options& options);

  const ModelConfig& config() const { return config_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  Arithmetic arithmetic() const { return options_.arithmetic; }
  std::size_t dimension() const { return encoder_->dimension(); }
  // Of the encoder's weights.
  std::size_t memory_bytes() const { return encoder_->memory_bytes(); }
  // SHA-256 of the weights, in hex.
  const std::string& hash() const { return hash_; }

  // As BertEncoder::Encode, beside other calls or together with them.
  Status Encode(std::span<const std::int32_t> ids, std::span<const std::uint32_t> lengths,
                std::chrono::steady_clock::time_point deadline, std::span<float> out) const;

  // Tokens that a caller with many texts encodes at once: enough for every thread, few enough that
  // calls with one text need not wait long.
  std::size_t pass_tokens() const;

 private:
  LocalModel(std::string hash, ModelConfig config, const Options& options,
             std::unique_ptr<const Tokenizer> tokenizer, std::unique_ptr<BertEncoder> encoder);

  const std::string hash_;
  const ModelConfig config_;
  const Options options_;
  const std::unique_ptr<const Tokenizer> tokenizer_;
  const std::unique_ptr<BertEncoder> encoder_;
  const std::unique_ptr<Batcher> batcher_;
};

// SHA-256 of the weights of a model folder, in hex.
Result<std::string> HashOfWeights(const std::filesystem::path& folder);

}  // namespace nearhit
