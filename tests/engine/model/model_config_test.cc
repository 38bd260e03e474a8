#include "engine/model/model_config.h"

#include <fstream>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/model/strict_json.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A folder as sentence-transformers writes it; tests change files before they read it.
class ModelFolder {
 public:
  ModelFolder() {
    std::filesystem::create_directory(dir_.path() / "1_Pooling");
    files_["config.json"] = Json::parse(
        R"({"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute",
            "num_hidden_layers": 6, "hidden_size": 384, "num_attention_heads": 12,
            "intermediate_size": 1536, "vocab_size": 30522, "max_position_embeddings": 512,
            "type_vocab_size": 2, "layer_norm_eps": 1e-12})");
    files_["modules.json"] = Json::parse(
        R"([{"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"idx": 2, "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])");
    files_["1_Pooling/config.json"] = Json::parse(
        R"({"word_embedding_dimension": 384, "pooling_mode_cls_token": false,
            "pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": false})");
    files_["sentence_bert_config.json"] = Json::parse(R"({"max_seq_length": 256})");
    files_["tokenizer_config.json"] = Json::parse(R"({"model_max_length": 512})");
  }

  Json& file(const std::string& name) { return files_[name]; }
  void Remove(const std::string& name) { files_.erase(name); }

  Result<ModelConfig> Read() {
    for (const auto& [name, value] : files_) {
      std::ofstream(dir_.path() / name) << value.dump();
    }
    return ReadModelConfig(dir_.path());
  }

 private:
  const TempDir dir_;
  std::map<std::string, Json> files_;
};

TEST(ModelConfigTest, ReadsAFolder) {
  const auto config = ModelFolder().Read();
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->kind, ModelConfig::Kind::kBert);
  EXPECT_EQ(config->bert.layers, 6u);
  EXPECT_EQ(config->bert.hidden, 384u);
  EXPECT_EQ(config->bert.heads, 12u);
  EXPECT_EQ(config->bert.intermediate, 1536u);
  EXPECT_EQ(config->bert.vocabulary, 30522u);
  EXPECT_EQ(config->bert.positions, 512u);
  EXPECT_EQ(config->bert.token_types, 2u);
  EXPECT_EQ(config->bert.layer_norm_eps, 1e-12F);
  EXPECT_EQ(config->pooling, Pooling::kMean);
  EXPECT_TRUE(config->normalize);
  EXPECT_EQ(config->max_tokens, 256u);
  EXPECT_EQ(config->prefix, "");
}

TEST(ModelConfigTest, ConfigAloneIsEnough) {
  ModelFolder folder;
  for (const char* name : {"modules.json", "1_Pooling/config.json", "sentence_bert_config.json",
                           "tokenizer_config.json"}) {
    folder.Remove(name);
  }
  folder.file("config.json").erase("layer_norm_eps");
  folder.file("config.json").erase("hidden_act");
  const auto config = folder.Read();
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->pooling, Pooling::kMean);
  EXPECT_FALSE(config->normalize);
  EXPECT_EQ(config->max_tokens, 512u);
}

TEST(ModelConfigTest, ReadsPoolingBothWays) {
  ModelFolder flags;
  flags.file("1_Pooling/config.json")["pooling_mode_mean_tokens"] = false;
  flags.file("1_Pooling/config.json")["pooling_mode_cls_token"] = true;
  EXPECT_EQ(flags.Read().value().pooling, Pooling::kCls);
  ModelFolder name;
  name.file("1_Pooling/config.json") = Json::parse(R"({"pooling_mode": "cls"})");
  EXPECT_EQ(name.Read().value().pooling, Pooling::kCls);
}

TEST(ModelConfigTest, TheShortestLimitCounts) {
  ModelFolder folder;
  folder.file("tokenizer_config.json")["model_max_length"] = 128;
  EXPECT_EQ(folder.Read().value().max_tokens, 128u);
  folder.file("tokenizer_config.json")["model_max_length"] = 1e30;  // "no limit"
  folder.file("sentence_bert_config.json")["max_seq_length"] = nullptr;
  EXPECT_EQ(folder.Read().value().max_tokens, 512u);
}

TEST(ModelConfigTest, TheDefaultPromptIsThePrefix) {
  ModelFolder folder;
  folder.file("config_sentence_transformers.json") =
      Json::parse(R"({"prompts": {"query": "query: "}, "default_prompt_name": null})");
  EXPECT_EQ(folder.Read().value().prefix, "");
  folder.file("config_sentence_transformers.json")["default_prompt_name"] = "query";
  EXPECT_EQ(folder.Read().value().prefix, "query: ");
}

TEST(ModelConfigTest, ReadsStaticModels) {
  ModelFolder folder;
  folder.Remove("modules.json");
  folder.file("config.json") =
      Json::parse(R"({"model_type": "model2vec", "seq_length": 1000000, "normalize": true})");
  const auto config = folder.Read();
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->kind, ModelConfig::Kind::kStatic);
  EXPECT_TRUE(config->normalize);
  EXPECT_EQ(config->max_tokens, 1'000'000u);
}

TEST(ModelConfigTest, NeedsConfig) {
  const TempDir dir;
  EXPECT_THAT(ReadModelConfig(dir.path()),
              StatusIs(StatusCode::kNotFound, HasSubstr("config.json")));
}

struct BadModelCase {
  std::string name;
  std::string file;
  std::string message;
  std::function<void(Json*)> spoil;
};

class ModelConfigBadTest : public testing::TestWithParam<BadModelCase> {};

TEST_P(ModelConfigBadTest, IsRefusedByName) {
  ModelFolder folder;
  GetParam().spoil(&folder.file(GetParam().file));
  EXPECT_THAT(folder.Read(),
              StatusIs(StatusCode::kInvalidArgument,
                       AllOf(HasSubstr(GetParam().file), HasSubstr(GetParam().message))));
}

INSTANTIATE_TEST_SUITE_P(
    Files, ModelConfigBadTest,
    testing::Values(
        BadModelCase{"Architecture", "config.json",
                     "\"model_type\" is \"roberta\", expected \"bert\"",
                     [](Json* f) { (*f)["model_type"] = "roberta"; }},
        BadModelCase{"NoArchitecture", "config.json", "\"model_type\" is missing",
                     [](Json* f) { f->erase("model_type"); }},
        BadModelCase{"Activation", "config.json", "\"hidden_act\" is \"relu\", expected \"gelu\"",
                     [](Json* f) { (*f)["hidden_act"] = "relu"; }},
        BadModelCase{"Positions", "config.json", "\"position_embedding_type\"",
                     [](Json* f) { (*f)["position_embedding_type"] = "relative_key"; }},
        BadModelCase{"Decoder", "config.json", "\"is_decoder\"",
                     [](Json* f) { (*f)["is_decoder"] = true; }},
        BadModelCase{"NoLayers", "config.json",
                     "\"num_hidden_layers\" is 0, expected an integer in 1..1000",
                     [](Json* f) { (*f)["num_hidden_layers"] = 0; }},
        BadModelCase{"NegativeSize", "config.json", "\"hidden_size\" is -1",
                     [](Json* f) { (*f)["hidden_size"] = -1; }},
        BadModelCase{"Heads", "config.json", "a divisor of hidden_size 384",
                     [](Json* f) { (*f)["num_attention_heads"] = 7; }},
        BadModelCase{"Epsilon", "config.json", "\"layer_norm_eps\"",
                     [](Json* f) { (*f)["layer_norm_eps"] = -1; }},
        BadModelCase{"Array", "config.json", "expected an object",
                     [](Json* f) { *f = Json::array(); }},
        BadModelCase{"DenseModule", "modules.json", "\"[2].type\"",
                     [](Json* f) { (*f)[2]["type"] = "sentence_transformers.models.Dense"; }},
        BadModelCase{"ManyModules", "modules.json", "1..3 modules",
                     [](Json* f) { f->push_back((*f)[2]); }},
        BadModelCase{"PathOutside", "modules.json", "\"[1].path\"",
                     [](Json* f) { (*f)[1]["path"] = "../1_Pooling"; }},
        BadModelCase{"MaxPooling", "1_Pooling/config.json", "\"pooling_mode_max_tokens\"",
                     [](Json* f) { (*f)["pooling_mode_max_tokens"] = true; }},
        BadModelCase{"NoPooling", "1_Pooling/config.json", "exactly one",
                     [](Json* f) { (*f)["pooling_mode_mean_tokens"] = false; }},
        BadModelCase{"OtherPooling", "1_Pooling/config.json", "\"pooling_mode\" is \"max\"",
                     [](Json* f) { (*f)["pooling_mode"] = "max"; }},
        BadModelCase{"PromptLeftOut", "1_Pooling/config.json", "\"include_prompt\"",
                     [](Json* f) { (*f)["include_prompt"] = false; }},
        BadModelCase{"Length", "sentence_bert_config.json", "\"max_seq_length\" is 1",
                     [](Json* f) { (*f)["max_seq_length"] = 1; }}),
    [](const auto& instance) { return instance.param.name; });

TEST(ModelConfigTest, MissingPoolingSettingsAreAnError) {
  ModelFolder folder;
  folder.Remove("1_Pooling/config.json");
  EXPECT_THAT(folder.Read(), StatusIs(StatusCode::kNotFound, HasSubstr("1_Pooling/config.json")));
}

}  // namespace
}  // namespace nearhit
