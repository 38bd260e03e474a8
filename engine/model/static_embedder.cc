#include "engine/model/static_embedder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/utf8.h"
#include "engine/model/safetensors.h"
#include "nearhit/types.h"

namespace nearhit {
namespace {

constexpr std::size_t kMaxRows = std::size_t{1} << 24;

Status Wrong(const Safetensors& file, std::string_view key, std::string_view what) {
  return InvalidArgument(file.file() + ": key \"" + std::string(key) + "\" " + std::string(what));
}

}  // namespace

StaticEmbedder::StaticEmbedder(std::string identity, ModelConfig config,
                               std::unique_ptr<const Tokenizer> tokenizer)
    : identity_(std::move(identity)), config_(std::move(config)), tokenizer_(std::move(tokenizer)) {
}

Result<std::unique_ptr<const StaticEmbedder>> StaticEmbedder::Load(
    const std::filesystem::path& folder, std::string identity, std::string prefix) {
  NEARHIT_ASSIGN_OR_RETURN(ModelConfig config, ReadModelConfig(folder));
  if (config.kind != ModelConfig::Kind::kStatic) {
    return InvalidArgument("config.json: key \"model_type\" is \"bert\", expected \"model2vec\"");
  }
  if (!prefix.empty()) {
    config.prefix = std::move(prefix);
  }
  NEARHIT_ASSIGN_OR_RETURN(std::unique_ptr<const Tokenizer> tokenizer, LoadTokenizer(folder));
  std::unique_ptr<StaticEmbedder> embedder(
      new StaticEmbedder(std::move(identity), std::move(config), std::move(tokenizer)));
  NEARHIT_RETURN_IF_ERROR(embedder->ReadTensors(folder / kWeightsFile));
  return std::unique_ptr<const StaticEmbedder>(std::move(embedder));
}

Status StaticEmbedder::ReadTensors(const std::filesystem::path& path) {
  NEARHIT_ASSIGN_OR_RETURN(const std::unique_ptr<Safetensors> file, Safetensors::Open(path));
  const Tensor* table = file->Find("embeddings");
  if (table == nullptr || table->shape.size() != 2 || table->shape[0] < 1 ||
      table->shape[0] > kMaxRows || table->shape[1] < 1 || table->shape[1] > kMaxDimension) {
    return Wrong(*file, "embeddings",
                 table == nullptr
                     ? "is missing, expected a tensor of rows and dimensions"
                     : "has another shape than expected, rows in 1.." + std::to_string(kMaxRows) +
                           " and dimensions in 1.." + std::to_string(kMaxDimension));
  }
  const std::size_t rows = table->shape[0];
  dimension_ = table->shape[1];
  NEARHIT_ASSIGN_OR_RETURN(table_, file->ReadFloats("embeddings", table->shape));
  const std::array<std::size_t, 1> per_token = {tokenizer_->vocabulary_size()};
  if (file->Find("weights") != nullptr) {
    NEARHIT_ASSIGN_OR_RETURN(weights_, file->ReadFloats("weights", per_token));
  }
  if (file->Find("mapping") == nullptr) {
    return rows >= per_token[0]
               ? Status()
               : Wrong(*file, "embeddings",
                       "has " + std::to_string(rows) + " rows, expected one for " + "each of the " +
                           std::to_string(per_token[0]) + " tokens");
  }
  NEARHIT_ASSIGN_OR_RETURN(const std::vector<std::int64_t> mapping,
                           file->ReadIntegers("mapping", per_token));
  for (const std::int64_t row : mapping) {
    if (row < 0 || static_cast<std::size_t>(row) >= rows) {
      return Wrong(
          *file, "mapping",
          "holds row " + std::to_string(row) + ", expected less than " + std::to_string(rows));
    }
    mapping_.push_back(static_cast<std::uint32_t>(row));
  }
  return Status();
}

Result<std::vector<float>> StaticEmbedder::Embed(
    std::span<const std::string_view> texts, std::chrono::steady_clock::time_point deadline) const {
  std::vector<float> rows(texts.size() * dimension_);
  std::vector<std::int32_t> ids;
  std::vector<double> sums;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (std::chrono::steady_clock::now() >= deadline) {
      return DeadlineExceeded("deadline passed after " + std::to_string(i) + " of " +
                              std::to_string(texts.size()) + " texts");
    }
    EmbedOne(texts[i], &ids, &sums, std::span(rows).subspan(i * dimension_, dimension_));
  }
  return rows;
}

void StaticEmbedder::EmbedOne(std::string_view text, std::vector<std::int32_t>* ids,
                              std::vector<double>* sums, std::span<float> row) const {
  if (config_.prefix.empty()) {
    tokenizer_->EncodeContent(text, ids);
  } else {
    tokenizer_->EncodeContent(config_.prefix + std::string(text), ids);
  }
  const std::int32_t unknown = tokenizer_->unknown_id();
  const auto known_end =
      tokenizer_->unknown_words() ? std::remove(ids->begin(), ids->end(), unknown) : ids->end();
  ids->erase(known_end, ids->end());
  const bool known =
      std::any_of(ids->begin(), ids->end(), [unknown](auto id) { return id != unknown; });
  if (!known || ids->size() > config_.max_tokens) {
    return;
  }
  sums->assign(dimension_, 0.0);
  for (const std::int32_t id : *ids) {
    const auto token = static_cast<std::size_t>(id);
    const double weight = weights_.empty() ? 1.0 : static_cast<double>(weights_[token]);
    const std::size_t from = (mapping_.empty() ? token : mapping_[token]) * dimension_;
    for (std::size_t i = 0; i < dimension_; ++i) {
      (*sums)[i] += weight * static_cast<double>(table_[from + i]);
    }
  }
  double scale = 1.0 / static_cast<double>(ids->size());
  if (config_.normalize) {
    double square = 0;
    for (const double sum : *sums) {
      square += sum * sum;
    }
    scale = square > 0 ? 1.0 / std::sqrt(square) : 0.0;
  }
  std::transform(sums->begin(), sums->end(), row.begin(),
                 [scale](double sum) { return static_cast<float>(sum * scale); });
}

}  // namespace nearhit
