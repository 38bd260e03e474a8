#include "engine/model/bert_weights.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <utility>

namespace nearhit {

namespace {

// Far above any encoder that runs on a processor; sizes beyond are broken files, and products of
// two of them must not overflow.
constexpr std::size_t kMaxSize = 1 << 20;
constexpr std::size_t kMaxWidth = kMaxQuantized;  // of a layer, whatever its arithmetic
constexpr std::size_t kMaxLayers = 256;

Status CheckConfig(const BertConfig& config) {
  const std::tuple<const char*, std::size_t, std::size_t> sizes[] = {
      {"layers", config.layers, kMaxLayers},
      {"hidden", config.hidden, kMaxWidth},
      {"heads", config.heads, kMaxWidth},
      {"intermediate", config.intermediate, kMaxWidth},
      {"vocabulary", config.vocabulary, kMaxSize},
      {"positions", config.positions, kMaxSize},
      {"token_types", config.token_types, kMaxSize},
  };
  for (const auto& [name, value, limit] : sizes) {
    if (value == 0 || value > limit) {
      return InvalidArgument("model shape: " + std::string(name) + " is " + std::to_string(value) +
                             ", not 1 to " + std::to_string(limit));
    }
  }
  if (config.hidden % config.heads != 0) {
    return InvalidArgument("model shape: hidden size " + std::to_string(config.hidden) +
                           " is no multiple of " + std::to_string(config.heads) + " heads");
  }
  if (!(config.layer_norm_eps >= 0 && config.layer_norm_eps < 1)) {
    return InvalidArgument("model shape: layer_norm_eps " + std::to_string(config.layer_norm_eps) +
                           " is not from 0 to 1");
  }
  return {};
}

// Reads tensors and checks them: as many values as the shape says, all finite.
//
// Thread-safety: externally synchronized. Lifetime: views what it is given, for one load. Errors:
// as LoadBertWeights.
class Loader {
 public:
  Loader(const BertConfig& config, Arithmetic arithmetic, const EncoderKernels& kernels,
         const TensorReader& read)
      : config_(config), arithmetic_(arithmetic), kernels_(kernels), read_(read) {}

  Result<std::vector<float>> Read(const std::string& name, std::size_t rows, std::size_t columns) {
    const std::size_t shape[] = {rows, columns};
    return Read(name, shape);
  }

  Result<std::vector<float>> Read(const std::string& name, std::size_t values) {
    const std::size_t shape[] = {values};
    return Read(name, shape);
  }

  Result<LayerNormWeights> ReadNorm(const std::string& name) {
    LayerNormWeights norm;
    NEARHIT_ASSIGN_OR_RETURN(norm.gain, Read(name + ".weight", config_.hidden));
    NEARHIT_ASSIGN_OR_RETURN(norm.bias, Read(name + ".bias", config_.hidden));
    return norm;
  }

  Result<Linear> ReadLinear(const std::string& name, std::size_t inputs, std::size_t outputs) {
    NEARHIT_ASSIGN_OR_RETURN(const auto weight, Read(name + ".weight", outputs, inputs));
    NEARHIT_ASSIGN_OR_RETURN(const auto bias, Read(name + ".bias", outputs));
    return Linear(kernels_, arithmetic_, weight, bias);
  }

  // Three products over the same activations as one.
  Result<Linear> ReadQueryKeyValue(const std::string& name) {
    const std::size_t hidden = config_.hidden;
    const std::size_t head = hidden / config_.heads;
    std::vector<float> weights;
    std::vector<float> biases;
    weights.reserve(3 * hidden * hidden);
    biases.reserve(3 * hidden);
    for (const char* part : {"query", "key", "value"}) {
      NEARHIT_ASSIGN_OR_RETURN(const auto weight, Read(name + part + ".weight", hidden, hidden));
      NEARHIT_ASSIGN_OR_RETURN(const auto bias, Read(name + part + ".bias", hidden));
      const float scale = weights.empty() ? 1.0F / std::sqrt(static_cast<float>(head)) : 1.0F;
      const auto scaled = [scale](float value) { return value * scale; };
      std::transform(weight.begin(), weight.end(), std::back_inserter(weights), scaled);
      std::transform(bias.begin(), bias.end(), std::back_inserter(biases), scaled);
    }
    return Linear(kernels_, arithmetic_, weights, biases);
  }

  Result<BertLayerWeights> ReadLayer(const std::string& name) {
    BertLayerWeights layer;
    NEARHIT_ASSIGN_OR_RETURN(layer.query_key_value, ReadQueryKeyValue(name + "attention.self."));
    NEARHIT_ASSIGN_OR_RETURN(layer.attention_output, ReadLinear(name + "attention.output.dense",
                                                                config_.hidden, config_.hidden));
    NEARHIT_ASSIGN_OR_RETURN(layer.attention_norm, ReadNorm(name + "attention.output.LayerNorm"));
    NEARHIT_ASSIGN_OR_RETURN(layer.intermediate, ReadLinear(name + "intermediate.dense",
                                                            config_.hidden, config_.intermediate));
    NEARHIT_ASSIGN_OR_RETURN(
        layer.output, ReadLinear(name + "output.dense", config_.intermediate, config_.hidden));
    NEARHIT_ASSIGN_OR_RETURN(layer.output_norm, ReadNorm(name + "output.LayerNorm"));
    return layer;
  }

 private:
  Result<std::vector<float>> Read(const std::string& name, std::span<const std::size_t> shape) {
    NEARHIT_ASSIGN_OR_RETURN(std::vector<float> values, read_(name, shape));
    std::size_t expected = 1;
    for (const std::size_t size : shape) {
      expected *= size;
    }
    if (values.size() != expected) {
      return InvalidArgument("tensor " + name + " has " + std::to_string(values.size()) +
                             " values, not " + std::to_string(expected));
    }
    if (!std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); })) {
      return InvalidArgument("tensor " + name + " has a value that is not finite");
    }
    return values;
  }

  const BertConfig& config_;
  const Arithmetic arithmetic_;
  const EncoderKernels& kernels_;
  const TensorReader& read_;
};

std::size_t SizeOf(const LayerNormWeights& norm) {
  return (norm.gain.size() + norm.bias.size()) * sizeof(float);
}

}  // namespace

std::size_t BertWeights::memory_bytes() const {
  std::size_t bytes = (words.size() + positions.size()) * sizeof(float) + SizeOf(embedding_norm);
  for (const BertLayerWeights& layer : layers) {
    bytes += layer.query_key_value.memory_bytes() + layer.attention_output.memory_bytes() +
             SizeOf(layer.attention_norm) + layer.intermediate.memory_bytes() +
             layer.output.memory_bytes() + SizeOf(layer.output_norm);
  }
  return bytes;
}

Result<BertWeights> LoadBertWeights(const BertConfig& config, Arithmetic arithmetic,
                                    const EncoderKernels& kernels, const TensorReader& read) {
  NEARHIT_RETURN_IF_ERROR(CheckConfig(config));
  Loader loader(config, arithmetic, kernels, read);
  BertWeights weights;
  NEARHIT_ASSIGN_OR_RETURN(weights.words, loader.Read("embeddings.word_embeddings.weight",
                                                      config.vocabulary, config.hidden));
  NEARHIT_ASSIGN_OR_RETURN(weights.positions, loader.Read("embeddings.position_embeddings.weight",
                                                          config.positions, config.hidden));
  NEARHIT_ASSIGN_OR_RETURN(const auto types, loader.Read("embeddings.token_type_embeddings.weight",
                                                         config.token_types, config.hidden));
  for (std::size_t at = 0; at < weights.positions.size(); ++at) {
    weights.positions[at] += types[at % config.hidden];
  }
  NEARHIT_ASSIGN_OR_RETURN(weights.embedding_norm, loader.ReadNorm("embeddings.LayerNorm"));
  weights.layers.reserve(config.layers);
  for (std::size_t layer = 0; layer < config.layers; ++layer) {
    NEARHIT_ASSIGN_OR_RETURN(auto read_layer,
                             loader.ReadLayer("encoder.layer." + std::to_string(layer) + "."));
    weights.layers.push_back(std::move(read_layer));
  }
  return weights;
}

}  // namespace nearhit
