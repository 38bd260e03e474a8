#include "engine/model/local_model.h"

#include <utility>

#include "engine/model/file_hash.h"
#include "engine/model/safetensors.h"

namespace nearhit {
namespace {

// Twice what the encoder takes at a time (docs/decisions/0007): a group of 13 questions.
constexpr std::size_t kGroupTokens = 192;

}  // namespace

Result<std::string> HashOfWeights(const std::filesystem::path& folder) {
  return FileSha256(folder / kWeightsFile);
}

Result<std::shared_ptr<const LocalModel>> LocalModel::Load(const std::filesystem::path& folder,
                                                           ModelConfig config,
                                                           const Options& options) {
  NEARHIT_ASSIGN_OR_RETURN(std::string hash, HashOfWeights(folder));
  NEARHIT_ASSIGN_OR_RETURN(std::unique_ptr<const Tokenizer> tokenizer, LoadTokenizer(folder));
  if (tokenizer->vocabulary_size() > config.bert.vocabulary) {
    return InvalidArgument("the tokenizer has " + std::to_string(tokenizer->vocabulary_size()) +
                           " tokens, config.json: vocab_size is " +
                           std::to_string(config.bert.vocabulary));
  }
  NEARHIT_ASSIGN_OR_RETURN(const std::unique_ptr<Safetensors> weights,
                           Safetensors::Open(folder / kWeightsFile));
  const EncoderOptions encoder_options{.arithmetic = options.arithmetic,
                                       .pooling = config.pooling,
                                       .normalize = config.normalize,
                                       .threads = options.threads,
                                       .workers = options.workers};
  NEARHIT_ASSIGN_OR_RETURN(
      std::unique_ptr<BertEncoder> encoder,
      BertEncoder::Load(config.bert, encoder_options,
                        [&weights](std::string_view name, std::span<const std::size_t> shape) {
                          // Some files were saved with the name of the class before each tensor.
                          const std::string prefixed = "bert." + std::string(name);
                          const bool has_prefix = weights->Find(prefixed) != nullptr;
                          return weights->ReadFloats(has_prefix ? prefixed : name, shape);
                        }));
  return std::shared_ptr<const LocalModel>(new LocalModel(
      std::move(hash), std::move(config), options, std::move(tokenizer), std::move(encoder)));
}

LocalModel::LocalModel(std::string hash, ModelConfig config, const Options& options,
                       std::unique_ptr<const Tokenizer> tokenizer,
                       std::unique_ptr<BertEncoder> encoder)
    : hash_(std::move(hash)),
      config_(std::move(config)),
      options_(options),
      tokenizer_(std::move(tokenizer)),
      encoder_(std::move(encoder)),
      batcher_(std::make_unique<Batcher>(
          [this](auto ids, auto lengths, auto deadline, auto out) {
            return encoder_->Encode(ids, lengths, deadline, out);
          },
          Batcher::Options{.dimension = encoder_->dimension(),
                           .slots = options.threads,
                           .group_tokens = kGroupTokens})) {
}

Status LocalModel::Encode(std::span<const std::int32_t> ids, std::span<const std::uint32_t> lengths,
                          std::chrono::steady_clock::time_point deadline,
                          std::span<float> out) const {
  return batcher_->Encode(ids, lengths, deadline, out);
}

std::size_t LocalModel::pass_tokens() const {
  return kGroupTokens * options_.threads;
}

}  // namespace nearhit
