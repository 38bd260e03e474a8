#include "engine/model/local_embedder.h"

#include <algorithm>
#include <map>
#include <system_error>
#include <utility>

#include "base/mutex.h"
#include "engine/model/file_hash.h"
#include "engine/model/safetensors.h"
#include "engine/model/static_embedder.h"
#include "nearhit/local_embedder.h"

namespace nearhit {
namespace {

// Tokens that go through the encoder at once: enough to use each weight many times, few enough that
// activations stay in the cache.
constexpr std::size_t kPassTokens = 1'024;

constexpr std::string_view kWeightsFile = "model.safetensors";

std::string IdentityOf(const std::string& hash, const ModelConfig& config) {
  std::string identity = "local/" + hash;
  if (config.kind == ModelConfig::Kind::kStatic) {
    return identity + "/static";
  }
  identity += config.pooling == Pooling::kMean ? "/int8/mean/" : "/int8/cls/";
  identity += std::to_string(config.max_tokens);
  return config.prefix.empty() ? identity : identity + "/" + config.prefix;
}

// The models of this process by folder, each in memory once.
class Models {
 public:
  Result<std::shared_ptr<const Embedder>> Get(const std::string& folder) {
    std::error_code failed;
    const std::filesystem::path canonical = std::filesystem::canonical(folder, failed);
    if (failed) {
      return NotFound("model folder of " + std::to_string(folder.size()) +
                      " bytes cannot be opened: " + failed.message());
    }
    MutexLock lock(&mu_);
    std::weak_ptr<const Embedder>& known = loaded_[canonical];
    if (std::shared_ptr<const Embedder> model = known.lock()) {
      return model;
    }
    NEARHIT_ASSIGN_OR_RETURN(std::shared_ptr<const Embedder> model, LocalEmbedder::Load(canonical));
    known = model;
    return model;
  }

 private:
  Mutex mu_;
  std::map<std::filesystem::path, std::weak_ptr<const Embedder>> loaded_ GUARDED_BY(mu_);
};

}  // namespace

LocalEmbedder::LocalEmbedder(std::string identity, ModelConfig config,
                             std::unique_ptr<const Tokenizer> tokenizer,
                             std::unique_ptr<BertEncoder> encoder)
    : identity_(std::move(identity)),
      config_(std::move(config)),
      tokenizer_(std::move(tokenizer)),
      encoder_(std::move(encoder)) {
}

Result<std::shared_ptr<const Embedder>> LocalEmbedder::Load(const std::filesystem::path& folder) {
  NEARHIT_ASSIGN_OR_RETURN(ModelConfig config, ReadModelConfig(folder));
  NEARHIT_ASSIGN_OR_RETURN(const std::string hash, FileSha256(folder / kWeightsFile));
  std::string identity = IdentityOf(hash, config);
  if (config.kind == ModelConfig::Kind::kStatic) {
    NEARHIT_ASSIGN_OR_RETURN(std::unique_ptr<const StaticEmbedder> model,
                             StaticEmbedder::Load(folder, std::move(identity)));
    return std::shared_ptr<const Embedder>(std::move(model));
  }
  NEARHIT_ASSIGN_OR_RETURN(std::unique_ptr<const Tokenizer> tokenizer, LoadTokenizer(folder));
  if (tokenizer->vocabulary_size() > config.bert.vocabulary) {
    return InvalidArgument("the tokenizer has " + std::to_string(tokenizer->vocabulary_size()) +
                           " tokens, config.json: vocab_size is " +
                           std::to_string(config.bert.vocabulary));
  }
  NEARHIT_ASSIGN_OR_RETURN(const std::unique_ptr<Safetensors> weights,
                           Safetensors::Open(folder / kWeightsFile));
  const EncoderOptions options{.pooling = config.pooling, .normalize = config.normalize};
  NEARHIT_ASSIGN_OR_RETURN(
      std::unique_ptr<BertEncoder> encoder,
      BertEncoder::Load(config.bert, options,
                        [&weights](std::string_view name, std::span<const std::size_t> shape) {
                          // Some files were saved with the name of the class before each tensor.
                          const std::string prefixed = "bert." + std::string(name);
                          const bool has_prefix = weights->Find(prefixed) != nullptr;
                          return weights->ReadFloats(has_prefix ? prefixed : name, shape);
                        }));
  return std::shared_ptr<const Embedder>(new LocalEmbedder(
      std::move(identity), std::move(config), std::move(tokenizer), std::move(encoder)));
}

Status LocalEmbedder::Run(Pass* pass, std::chrono::steady_clock::time_point deadline,
                          std::vector<float>* rows) const {
  if (pass->rows.empty()) {
    return Status();
  }
  const std::size_t dimension = encoder_->dimension();
  std::vector<float> out(pass->rows.size() * dimension);
  NEARHIT_RETURN_IF_ERROR(encoder_->Encode(pass->ids, pass->lengths, deadline, out));
  for (std::size_t i = 0; i < pass->rows.size(); ++i) {
    const auto from = out.begin() + static_cast<std::ptrdiff_t>(i * dimension);
    std::copy(from, from + static_cast<std::ptrdiff_t>(dimension),
              rows->begin() + static_cast<std::ptrdiff_t>(pass->rows[i] * dimension));
  }
  pass->ids.clear();
  pass->lengths.clear();
  pass->rows.clear();
  return Status();
}

Result<std::vector<float>> LocalEmbedder::Embed(
    std::span<const std::string_view> texts, std::chrono::steady_clock::time_point deadline) const {
  std::vector<float> rows(texts.size() * encoder_->dimension());
  std::vector<std::int32_t> ids;
  Pass pass;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    tokenizer_->Encode(config_.prefix.empty() ? texts[i] : config_.prefix + std::string(texts[i]),
                       &ids);
    // Rows of such texts stay zero: the beginning of a long one, or a text with its unknown words
    // all the same, would match what it must not.
    if (ids.size() > config_.max_tokens ||
        std::find(ids.begin(), ids.end(), tokenizer_->unknown_id()) != ids.end()) {
      continue;
    }
    if (pass.ids.size() + ids.size() > kPassTokens) {
      NEARHIT_RETURN_IF_ERROR(Run(&pass, deadline, &rows));
    }
    pass.ids.insert(pass.ids.end(), ids.begin(), ids.end());
    pass.lengths.push_back(static_cast<std::uint32_t>(ids.size()));
    pass.rows.push_back(i);
  }
  NEARHIT_RETURN_IF_ERROR(Run(&pass, deadline, &rows));
  return rows;
}

void RegisterLocalEmbedder() {
  static auto* const models = new Models();  // not destroyed: used by what outlives main
  RegisterEmbedder("local",
                   [](const EmbedderSpec& spec, std::size_t) { return models->Get(spec.model); });
}

}  // namespace nearhit
