#include "engine/model/model_config.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/model/strict_json.h"

namespace nearhit {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxSize = std::size_t{1} << 24;  // of any dimension
constexpr std::size_t kMaxLayers = 1'000;
constexpr std::size_t kMaxStaticTokens = 1'000'000;

// One JSON file of the folder; empty when it is not there.
Result<std::optional<Json>> ReadOptional(const std::filesystem::path& folder,
                                         const std::filesystem::path& name) {
  Result<Json> value = ReadStrictJson(folder / name, kMaxFileBytes);
  if (value.status().code() == StatusCode::kNotFound) {
    return std::optional<Json>();
  }
  NEARHIT_RETURN_IF_ERROR(value.status());
  return std::optional<Json>(std::move(*value));
}

// Requires that a string key, where it is there, has the one value that we can do.
Status ExpectString(const JsonObject& object, std::string_view key, std::string_view only) {
  NEARHIT_ASSIGN_OR_RETURN(const std::string value, object.StringOr(key, only));
  return value == only ? Status() : object.Wrong(key, "\"" + std::string(only) + "\"");
}

Result<BertConfig> ReadBert(const JsonObject& config) {
  NEARHIT_RETURN_IF_ERROR(ExpectString(config, "hidden_act", "gelu"));
  NEARHIT_RETURN_IF_ERROR(ExpectString(config, "position_embedding_type", "absolute"));
  NEARHIT_ASSIGN_OR_RETURN(const bool decoder, config.BoolOr("is_decoder", false));
  if (decoder) {
    return config.Wrong("is_decoder", "false");
  }
  BertConfig bert;
  NEARHIT_ASSIGN_OR_RETURN(bert.layers, config.Integer("num_hidden_layers", 1, kMaxLayers));
  NEARHIT_ASSIGN_OR_RETURN(bert.hidden, config.Integer("hidden_size", 1, kMaxSize));
  NEARHIT_ASSIGN_OR_RETURN(bert.heads, config.Integer("num_attention_heads", 1, kMaxSize));
  NEARHIT_ASSIGN_OR_RETURN(bert.intermediate, config.Integer("intermediate_size", 1, kMaxSize));
  NEARHIT_ASSIGN_OR_RETURN(bert.vocabulary, config.Integer("vocab_size", 1, kMaxSize));
  NEARHIT_ASSIGN_OR_RETURN(bert.positions, config.Integer("max_position_embeddings", 2, kMaxSize));
  NEARHIT_ASSIGN_OR_RETURN(bert.token_types, config.Integer("type_vocab_size", 1, kMaxSize));
  if (bert.hidden % bert.heads != 0) {
    return config.Wrong("num_attention_heads",
                        "a divisor of hidden_size " + std::to_string(bert.hidden));
  }
  if (config.Find("layer_norm_eps") != nullptr) {
    NEARHIT_ASSIGN_OR_RETURN(const double eps, config.Number("layer_norm_eps"));
    if (!(eps >= 0 && eps <= 1)) {
      return config.Wrong("layer_norm_eps", "a number in 0..1");
    }
    bert.layer_norm_eps = static_cast<float>(eps);
  }
  return bert;
}

// Older files have a flag for each way of pooling, newer ones its name.
Result<Pooling> ReadPooling(const JsonObject& config) {
  NEARHIT_ASSIGN_OR_RETURN(const bool include_prompt, config.BoolOr("include_prompt", true));
  if (!include_prompt) {
    return config.Wrong("include_prompt", "true");
  }
  if (config.Find("pooling_mode") != nullptr) {
    NEARHIT_ASSIGN_OR_RETURN(const std::string mode, config.String("pooling_mode"));
    if (mode != "mean" && mode != "cls") {
      return config.Wrong("pooling_mode", "\"mean\" or \"cls\"");
    }
    return mode == "cls" ? Pooling::kCls : Pooling::kMean;
  }
  for (const char* other : {"pooling_mode_max_tokens", "pooling_mode_mean_sqrt_len_tokens",
                            "pooling_mode_weightedmean_tokens", "pooling_mode_lasttoken"}) {
    NEARHIT_ASSIGN_OR_RETURN(const bool on, config.BoolOr(other, false));
    if (on) {
      return config.Wrong(other, "false: only the mean and the CLS token are supported");
    }
  }
  NEARHIT_ASSIGN_OR_RETURN(const bool mean, config.BoolOr("pooling_mode_mean_tokens", false));
  NEARHIT_ASSIGN_OR_RETURN(const bool cls, config.BoolOr("pooling_mode_cls_token", false));
  if (mean == cls) {
    return config.Wrong("pooling_mode_mean_tokens",
                        "exactly one of it and pooling_mode_cls_token to be true");
  }
  return cls ? Pooling::kCls : Pooling::kMean;
}

Result<Pooling> ReadPoolingFile(const std::filesystem::path& folder, const std::string& path,
                                const JsonObject& module) {
  // The path comes from a file: it stays below the folder.
  if (path.empty() || path.find("..") != std::string::npos || path.front() == '/') {
    return module.Wrong("path", "a folder of the model");
  }
  const std::filesystem::path name = std::filesystem::path(path) / "config.json";
  NEARHIT_ASSIGN_OR_RETURN(const std::optional<Json> value, ReadOptional(folder, name));
  if (!value) {
    return NotFound(name.string() + ": not there, expected by key \"" + module.Path("path") +
                    "\" of modules.json");
  }
  NEARHIT_ASSIGN_OR_RETURN(const JsonObject config, JsonObject::Of(*value, name.string(), ""));
  return ReadPooling(config);
}

// The modules in order: the model, its pooling, the normalisation. Others are refused.
Status ReadModules(const std::filesystem::path& folder, ModelConfig* model) {
  NEARHIT_ASSIGN_OR_RETURN(const std::optional<Json> list, ReadOptional(folder, "modules.json"));
  if (!list) {
    return Status();
  }
  if (!list->is_array() || list->empty() || list->size() > 3) {
    return InvalidArgument("modules.json: the file is not what was expected, 1..3 modules");
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    NEARHIT_ASSIGN_OR_RETURN(
        const JsonObject module,
        JsonObject::Of((*list)[i], "modules.json", "[" + std::to_string(i) + "]"));
    NEARHIT_ASSIGN_OR_RETURN(const std::string type, module.String("type"));
    NEARHIT_ASSIGN_OR_RETURN(const std::string path, module.StringOr("path", ""));
    const std::string name = type.substr(type.rfind('.') + 1);
    const bool is_static = model->kind == ModelConfig::Kind::kStatic;
    const std::string first = is_static ? "StaticEmbedding" : "Transformer";
    if (i == 0) {
      if (name != first || !(path.empty() || path == ".")) {
        return module.Wrong("type", first + " in the folder itself");
      }
    } else if (name == "Pooling" && i == 1 && !is_static) {
      NEARHIT_ASSIGN_OR_RETURN(model->pooling, ReadPoolingFile(folder, path, module));
    } else if (name == "Normalize" && i + 1 == list->size()) {
      model->normalize = true;
    } else {
      return module.Wrong("type", "a Pooling second or a Normalize last");
    }
  }
  return Status();
}

// Lowers `*limit` to the integer at `key`, where there is one. Tokenizers without a limit say so by
// a huge number.
Status LowerLimit(const JsonObject& object, std::string_view key, std::size_t* limit) {
  const Json* value = object.Find(key);
  if (value == nullptr || (value->is_number_float() && value->get<double>() > 1e9)) {
    return Status();
  }
  NEARHIT_ASSIGN_OR_RETURN(const std::size_t given, object.Integer(key, 2, SIZE_MAX));
  *limit = std::min(*limit, given);
  return Status();
}

Status ReadMaxTokens(const std::filesystem::path& folder, ModelConfig* model) {
  model->max_tokens = model->bert.positions;
  const std::pair<std::string_view, std::string_view> places[] = {
      {"sentence_bert_config.json", "max_seq_length"},
      {"tokenizer_config.json", "model_max_length"}};
  for (const auto& [name, key] : places) {
    NEARHIT_ASSIGN_OR_RETURN(const std::optional<Json> value, ReadOptional(folder, name));
    if (value) {
      NEARHIT_ASSIGN_OR_RETURN(const JsonObject object, JsonObject::Of(*value, name, ""));
      NEARHIT_RETURN_IF_ERROR(LowerLimit(object, key, &model->max_tokens));
    }
  }
  return Status();
}

Status ReadPrefix(const std::filesystem::path& folder, ModelConfig* model) {
  constexpr std::string_view kFile = "config_sentence_transformers.json";
  NEARHIT_ASSIGN_OR_RETURN(const std::optional<Json> value, ReadOptional(folder, kFile));
  if (!value) {
    return Status();
  }
  NEARHIT_ASSIGN_OR_RETURN(const JsonObject object, JsonObject::Of(*value, kFile, ""));
  NEARHIT_ASSIGN_OR_RETURN(const std::string name, object.StringOr("default_prompt_name", ""));
  if (name.empty()) {
    return Status();
  }
  NEARHIT_ASSIGN_OR_RETURN(const JsonObject prompts, object.Object("prompts"));
  NEARHIT_ASSIGN_OR_RETURN(model->prefix, prompts.String(name));
  return Status();
}

}  // namespace

Result<ModelConfig> ReadModelConfig(const std::filesystem::path& folder) {
  Result<Json> value = ReadStrictJson(folder / "config.json", kMaxFileBytes);
  if (value.status().code() == StatusCode::kNotFound) {
    return NotFound(folder.filename().string() + ": config.json is not there");
  }
  NEARHIT_RETURN_IF_ERROR(value.status());
  NEARHIT_ASSIGN_OR_RETURN(const JsonObject config, JsonObject::Of(*value, "config.json", ""));
  NEARHIT_ASSIGN_OR_RETURN(const std::string type, config.String("model_type"));
  ModelConfig model;
  if (type == "bert") {
    NEARHIT_ASSIGN_OR_RETURN(model.bert, ReadBert(config));
    NEARHIT_RETURN_IF_ERROR(ReadMaxTokens(folder, &model));
  } else if (type == "model2vec") {
    model.kind = ModelConfig::Kind::kStatic;
    model.max_tokens = kMaxStaticTokens;
    NEARHIT_RETURN_IF_ERROR(LowerLimit(config, "seq_length", &model.max_tokens));
    NEARHIT_ASSIGN_OR_RETURN(model.normalize, config.BoolOr("normalize", false));
  } else {
    return config.Wrong("model_type", "\"bert\" or \"model2vec\"");
  }
  NEARHIT_RETURN_IF_ERROR(ReadModules(folder, &model));
  NEARHIT_RETURN_IF_ERROR(ReadPrefix(folder, &model));
  return model;
}

}  // namespace nearhit
