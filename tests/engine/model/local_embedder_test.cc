// Kind "local" from a folder of files: a tiny BERT with made-up weights.
#include "engine/model/local_embedder.h"

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nearhit/local_embedder.h"
#include "tests/engine/model/naive_bert.h"
#include "tests/support/safetensors_writer.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::StartsWith;

constexpr auto kNoDeadline = std::chrono::steady_clock::time_point::max();
constexpr BertConfig kShape{.layers = 2,
                            .hidden = 16,
                            .heads = 2,
                            .intermediate = 32,
                            .vocabulary = 8,
                            .positions = 12,
                            .token_types = 2};

class LocalEmbedderTest : public testing::Test {
 protected:
  LocalEmbedderTest() {
    Write("config.json", R"({"model_type": "bert", "hidden_act": "gelu", "hidden_size": 16,
        "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "vocab_size": 8,
        "max_position_embeddings": 12, "type_vocab_size": 2, "layer_norm_eps": 1e-12})");
    Write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nred\nblue\n##s\n");
    WriteWeights("");
  }

  void Write(const char* name, std::string_view bytes) const {
    std::ofstream(dir_.path() / name, std::ios::binary) << bytes;
  }
  // Asks an encoder for the tensors that it wants, and writes just these.
  void WriteWeights(const std::string& prefix) {
    SafetensorsWriter writer;
    const TensorReader read = naive_.Reader();
    const auto recording = [&](std::string_view name, std::span<const std::size_t> shape) {
      auto values = read(name, shape);
      writer.AddF32(prefix + std::string(name), {shape.begin(), shape.end()}, *values);
      return values;
    };
    ASSERT_THAT(BertEncoder::Load(kShape, {}, recording), IsOk());
    Write("model.safetensors", writer.File());
  }
  std::vector<float> Embed(std::string_view text) const {
    const auto embedder = LocalEmbedder::Load(dir_.path());
    EXPECT_THAT(embedder, IsOk());
    auto vector = (*embedder)->Embed(std::span(&text, 1), kNoDeadline);
    EXPECT_THAT(vector, IsOk());
    return *std::move(vector);
  }

  const TempDir dir_;
  NaiveBert naive_{kShape};
};

TEST_F(LocalEmbedderTest, IsTheEncoderOfTheTokens) {
  const std::int32_t ids[] = {2, 5, 6, 7, 3};  // [CLS] red blue ##s [SEP]
  const std::vector<double> exact = naive_.Encode(ids, Pooling::kMean);
  EXPECT_GT(Cosine(Embed("Red blues"), exact), 0.995);
  EXPECT_LT(Cosine(Embed("red"), exact), 0.999);
}

TEST_F(LocalEmbedderTest, RowsOfABatchAreThoseOfSingleTexts) {
  const auto embedder = LocalEmbedder::Load(dir_.path());
  ASSERT_THAT(embedder, IsOk());
  const std::string_view texts[] = {"red", "blue red", "blues"};
  const auto rows = (*embedder)->Embed(texts, kNoDeadline);
  ASSERT_THAT(rows, IsOk());
  for (std::size_t i = 0; i < 3; ++i) {
    const std::vector<float> row(rows->begin() + static_cast<std::ptrdiff_t>(i * 16),
                                 rows->begin() + static_cast<std::ptrdiff_t>((i + 1) * 16));
    EXPECT_EQ(row, Embed(texts[i])) << texts[i];
  }
}

// Its beginning alone would match texts that go on differently.
TEST_F(LocalEmbedderTest, ATextOverTheModelsLengthHasNoVector) {
  EXPECT_THAT(Embed("red red red red red red red red red red"), testing::Not(Each(0)));  // 12
  EXPECT_THAT(Embed("red red red red red red red red red red red"), Each(0));
}

// To the model it equals every text that has another unknown word in that place.
TEST_F(LocalEmbedderTest, ATextWithAnUnknownWordHasNoVector) {
  EXPECT_THAT(Embed("red blue"), testing::Not(Each(0)));
  EXPECT_THAT(Embed("red green"), Each(0));
  EXPECT_THAT(Embed("red \xF0\x9F\x98\x80"), Each(0));
}

TEST_F(LocalEmbedderTest, TheIdentityFollowsTheWeights) {
  const auto first = LocalEmbedder::Load(dir_.path());
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(std::string((*first)->identity()), StartsWith("local/"));
  EXPECT_THAT(std::string((*first)->identity()), HasSubstr("/int8/mean/12"));
  WriteWeights("bert.");  // other bytes, the same model
  const auto second = LocalEmbedder::Load(dir_.path());
  ASSERT_THAT(second, IsOk());
  EXPECT_NE((*second)->identity(), (*first)->identity());
  EXPECT_TRUE((*first)->may_block());
}

TEST_F(LocalEmbedderTest, WhatIsMissingIsNamed) {
  std::filesystem::remove(dir_.path() / "model.safetensors");
  EXPECT_THAT(LocalEmbedder::Load(dir_.path()),
              StatusIs(StatusCode::kUnavailable, HasSubstr("model.safetensors")));
  Write("model.safetensors", SafetensorsWriter().File());
  EXPECT_THAT(LocalEmbedder::Load(dir_.path()),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("embeddings.word_embeddings")));
  Write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nred\nblue\n##s\ngreen\n");
  EXPECT_THAT(LocalEmbedder::Load(dir_.path()),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("9 tokens")));
}

TEST_F(LocalEmbedderTest, NamespacesOfAFolderShareTheModel) {
  RegisterLocalEmbedder();
  EmbedderSpec spec;
  spec.kind = "local";
  spec.model = dir_.path();
  const auto one = MakeEmbedder(spec, 0);
  const auto other = MakeEmbedder(spec, 16);
  ASSERT_THAT(one, IsOk());
  ASSERT_THAT(other, IsOk());
  EXPECT_EQ(*one, *other);
  EXPECT_EQ((*one)->dimension(), 16u);
  spec.model = dir_.path() / "absent";
  EXPECT_THAT(MakeEmbedder(spec, 0), StatusIs(StatusCode::kNotFound, HasSubstr("model folder")));
}

TEST_F(LocalEmbedderTest, IsReportedWithItsShape) {
  const auto report = InspectModel(dir_.path());
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->kind, "bert");
  EXPECT_EQ(report->pooling, "mean");
  EXPECT_EQ(report->dimension, 16u);
  EXPECT_EQ(report->layers, 2u);
  EXPECT_EQ(report->heads, 2u);
  EXPECT_EQ(report->intermediate, 32u);
  EXPECT_EQ(report->positions, 12u);
  EXPECT_EQ(report->max_tokens, 12u);
  EXPECT_GT(report->memory_bytes, 0u);
  EXPECT_GT(report->load_seconds, 0);
}

}  // namespace
}  // namespace nearhit
