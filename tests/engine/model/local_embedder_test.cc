// Kind "local" from a folder of files: a tiny BERT with made-up weights.
#include "engine/model/local_embedder.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nearhit/local_embedder.h"
#include "tests/engine/model/tiny_model.h"
#include "tests/support/no_deadline.h"
#include "tests/support/safetensors_writer.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

using testing::Each;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class LocalEmbedderTest : public testing::Test {
 protected:
  std::vector<float> Embed(std::string_view text, const LocalSettings& settings = {}) const {
    const auto embedder = LocalEmbedder::Load(model_.path(), settings);
    EXPECT_THAT(embedder, IsOk());
    auto vector = (*embedder)->Embed(std::span(&text, 1), kNoDeadline);
    EXPECT_THAT(vector, IsOk());
    return *std::move(vector);
  }
  std::string Identity(const LocalSettings& settings) const {
    const auto embedder = LocalEmbedder::Load(model_.path(), settings);
    EXPECT_THAT(embedder, IsOk());
    return std::string((*embedder)->identity());
  }
  // In float64, of tokens with [CLS] and [SEP].
  std::vector<double> Exact(const std::vector<std::int32_t>& ids) {
    return model_.naive().Encode(ids, Pooling::kMean);
  }

  TinyModel model_;
};

TEST_F(LocalEmbedderTest, IsTheEncoderOfTheTokens) {
  const std::int32_t ids[] = {2, 5, 6, 7, 3};  // [CLS] red blue ##s [SEP]
  const std::vector<double> exact = model_.naive().Encode(ids, Pooling::kMean);
  EXPECT_GT(Cosine(Embed("Red blues"), exact), 0.995);
  EXPECT_LT(Cosine(Embed("red"), exact), 0.999);
}

TEST_F(LocalEmbedderTest, RowsOfABatchAreThoseOfSingleTexts) {
  const auto embedder = LocalEmbedder::Load(model_.path());
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
  const auto first = LocalEmbedder::Load(model_.path());
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(std::string((*first)->identity()), StartsWith("local/"));
  EXPECT_THAT(std::string((*first)->identity()), HasSubstr("/int8/mean/12"));
  model_.WriteWeights("bert.");  // other bytes, the same model
  const auto second = LocalEmbedder::Load(model_.path());
  ASSERT_THAT(second, IsOk());
  EXPECT_NE((*second)->identity(), (*first)->identity());
  EXPECT_TRUE((*first)->may_block());
}

TEST_F(LocalEmbedderTest, TheIdentityNamesWhatIsNotTheDefault) {
  const std::string plain = Identity({});
  const std::string hash = plain.substr(0, plain.find("/int8"));
  EXPECT_EQ(Identity({.prefix = "red "}), hash + "/int8/mean/12/red ");
  EXPECT_EQ(Identity({.arithmetic = Arithmetic::kFloat32}), hash + "/float32/mean/12");
  EXPECT_EQ(Identity({.windows = true}), hash + "/int8/mean/12-windows");
  EXPECT_EQ(Identity({.memo_bytes = 1'000}), plain);
}

TEST_F(LocalEmbedderTest, Float32IsTheModelItself) {
  const std::vector<double> exact = Exact({2, 5, 6, 7, 3});
  EXPECT_GT(Cosine(Embed("red blues", {.arithmetic = Arithmetic::kFloat32}), exact), 1 - 1e-9);
  EXPECT_LT(Cosine(Embed("red blues"), exact), 1 - 1e-7);
}

TEST_F(LocalEmbedderTest, ThePrefixGoesBeforeTheText) {
  EXPECT_EQ(Embed("blues", {.prefix = "red "}), Embed("red blues"));
  EXPECT_NE(Embed("blues", {.prefix = "red "}), Embed("blues"));
}

TEST_F(LocalEmbedderTest, ThePrefixOfTheSettingsReplacesTheFolders) {
  model_.Write("config_sentence_transformers.json",
               R"({"prompts": {"query": "red "}, "default_prompt_name": "query"})");
  EXPECT_EQ(Embed("blues"), Embed("blues", {.prefix = "red "}));
  EXPECT_EQ(Identity({}), Identity({.prefix = "red "}));
  EXPECT_NE(Embed("blues", {.prefix = "blue "}), Embed("blues"));
}

TEST_F(LocalEmbedderTest, APrefixWithoutRoomForATextIsRefused) {
  const auto load = [this](const std::string& prefix) {
    return LocalEmbedder::Load(model_.path(), {.prefix = prefix}).status();
  };
  EXPECT_THAT(load("red red red red red red red red red "), IsOk());  // 9, [CLS] and [SEP]
  EXPECT_THAT(load("red red red red red red red red red red "),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("prefix has 12 tokens")));
  EXPECT_THAT(load("green "), StatusIs(StatusCode::kInvalidArgument,
                                       HasSubstr("prefix of 6 bytes has a word or sign")));
}

// 10 tokens of a text fit into a window, so two windows cover 20.
TEST_F(LocalEmbedderTest, WindowsCoverATextOfTwoLengths) {
  model_.Write("modules.json", R"([{"type": "Transformer", "path": ""},
      {"type": "Pooling", "path": "1_Pooling"}, {"type": "Normalize", "path": "2_Normalize"}])");
  std::filesystem::create_directory(model_.path() / "1_Pooling");
  model_.Write("1_Pooling/config.json", R"({"pooling_mode_mean_tokens": true})");
  const LocalSettings windows{.arithmetic = Arithmetic::kFloat32, .windows = true};
  const std::string text = "red blue red blue red blue red red blue blue red red red";  // 13
  const std::vector<double> head = Exact({2, 5, 6, 5, 6, 5, 6, 5, 5, 6, 6, 3});
  const std::vector<double> tail = Exact({2, 6, 5, 6, 5, 5, 6, 6, 5, 5, 5, 3});
  std::vector<double> mean(head.size());
  for (std::size_t i = 0; i < mean.size(); ++i) {
    mean[i] = head[i] + tail[i];
  }
  const std::vector<float> vector = Embed(text, windows);
  EXPECT_GT(Cosine(vector, mean), 1 - 1e-9);
  EXPECT_LT(Cosine(vector, head), 1 - 1e-6);
  double squares = 0;
  for (const float value : vector) {
    squares += double{value} * value;
  }
  EXPECT_NEAR(squares, 1, 1e-6);
  EXPECT_EQ(Embed("red blue", windows), Embed("red blue", {.arithmetic = Arithmetic::kFloat32}));
}

// Its middle would count for nothing.
TEST_F(LocalEmbedderTest, ATextOverTwoWindowsHasNoVector) {
  const auto reds = [](int count) {
    std::string text;
    for (int i = 0; i < count; ++i) {
      text += "red ";
    }
    return text;
  };
  EXPECT_THAT(Embed(reds(20), {.windows = true}), testing::Not(Each(0)));
  EXPECT_THAT(Embed(reds(21), {.windows = true}), Each(0));
  EXPECT_THAT(Embed(reds(19) + "green", {.windows = true}), Each(0));
  // The prefix takes room of both.
  EXPECT_THAT(Embed(reds(18), {.prefix = "blue ", .windows = true}), testing::Not(Each(0)));
  EXPECT_THAT(Embed(reds(19), {.prefix = "blue ", .windows = true}), Each(0));
}

TEST_F(LocalEmbedderTest, BothWindowsBeginWithThePrefix) {
  const LocalSettings settings{
      .prefix = "blue ", .arithmetic = Arithmetic::kFloat32, .windows = true};
  const std::vector<double> window = Exact({2, 6, 5, 5, 5, 5, 5, 5, 5, 5, 5, 3});
  EXPECT_GT(Cosine(Embed("red red red red red red red red red red red", settings), window),
            1 - 1e-9);
}

// Windows are two vectors of a pass, so they must not shift those of other texts.
TEST_F(LocalEmbedderTest, RowsOfABatchWithWindowsAreThoseOfSingleTexts) {
  const LocalSettings settings{.windows = true};
  const auto embedder = LocalEmbedder::Load(model_.path(), settings);
  ASSERT_THAT(embedder, IsOk());
  const std::string long_text = "red blue red blue red blue red red blue blue red red red";
  const std::string_view texts[] = {"blue", long_text, "red", "green", "blue", long_text, "blues"};
  const auto rows = (*embedder)->Embed(texts, kNoDeadline);
  ASSERT_THAT(rows, IsOk());
  for (std::size_t i = 0; i < std::size(texts); ++i) {
    const std::vector<float> row(rows->begin() + static_cast<std::ptrdiff_t>(i * 16),
                                 rows->begin() + static_cast<std::ptrdiff_t>((i + 1) * 16));
    EXPECT_EQ(row, Embed(texts[i], settings)) << i;
  }
}

TEST_F(LocalEmbedderTest, ManyTextsTakeManyPasses) {
  const auto embedder = LocalEmbedder::Load(model_.path());
  ASSERT_THAT(embedder, IsOk());
  const std::vector<std::string_view> kinds = {"red", "blue red", "blues red red", "blue"};
  std::vector<std::string> made;
  for (std::size_t i = 0; i < 200; ++i) {  // all different, for no two are one flight
    made.push_back(std::string(kinds[i % 4]) + std::string(i, ' '));
  }
  const std::vector<std::string_view> texts(made.begin(), made.end());
  const auto rows = (*embedder)->Embed(texts, kNoDeadline);
  ASSERT_THAT(rows, IsOk());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_TRUE(std::equal(rows->begin() + static_cast<std::ptrdiff_t>(i % 4 * 16),
                           rows->begin() + static_cast<std::ptrdiff_t>((i % 4 + 1) * 16),
                           rows->begin() + static_cast<std::ptrdiff_t>(i * 16)))
        << i;
  }
}

TEST_F(LocalEmbedderTest, AStaticModelHasNoArithmeticAndNoWindows) {
  model_.Write("config.json", R"({"model_type": "model2vec", "normalize": true})");
  SafetensorsWriter writer;
  writer.AddF32("embeddings", {8, 2}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 3, 4});
  model_.Write("model.safetensors", writer.File());
  EXPECT_EQ(Embed("red"), (std::vector<float>{1, 0}));
  EXPECT_THAT(Identity({}), EndsWith("/static"));
  EXPECT_THAT(Identity({.prefix = "blue"}), EndsWith("/static/blue"));
  EXPECT_EQ(Embed("red", {.prefix = "red "}), (std::vector<float>{1, 0}));
  EXPECT_NE(Embed("red", {.prefix = "blue "}), (std::vector<float>{1, 0}));
  EXPECT_THAT(LocalEmbedder::Load(model_.path(), {.arithmetic = Arithmetic::kFloat32}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("arithmetic")));
  EXPECT_THAT(LocalEmbedder::Load(model_.path(), {.windows = true}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("long_text")));
}

TEST_F(LocalEmbedderTest, WhatIsMissingIsNamed) {
  std::filesystem::remove(model_.path() / "model.safetensors");
  EXPECT_THAT(LocalEmbedder::Load(model_.path()),
              StatusIs(StatusCode::kUnavailable, HasSubstr("model.safetensors")));
  model_.Write("model.safetensors", SafetensorsWriter().File());
  EXPECT_THAT(LocalEmbedder::Load(model_.path()),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("embeddings.word_embeddings")));
  model_.Write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nred\nblue\n##s\ngreen\n");
  EXPECT_THAT(LocalEmbedder::Load(model_.path()),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("9 tokens")));
}

TEST_F(LocalEmbedderTest, OptionsOutOfRangeRegisterNothing) {
  EXPECT_THAT(RegisterLocalEmbedder({.threads = 257}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("threads is 257, not in 0..256")));
  EXPECT_THAT(RegisterLocalEmbedder({.memo_bytes = (std::size_t{1} << 40) + 1}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("memo_bytes is 1099511627777")));
}

TEST_F(LocalEmbedderTest, NamespacesOfAFolderShareTheModel) {
  ASSERT_THAT(RegisterLocalEmbedder({.threads = 2, .memo_bytes = 10'000}), IsOk());
  EmbedderSpec spec;
  spec.kind = "local";
  spec.model = model_.path();
  const auto one = MakeEmbedder(spec, 0);
  const auto other = MakeEmbedder(spec, 16);
  ASSERT_THAT(one, IsOk());
  ASSERT_THAT(other, IsOk());
  EXPECT_EQ(*one, *other);
  EXPECT_EQ((*one)->dimension(), 16u);
  spec.model = model_.path() / "absent";
  EXPECT_THAT(MakeEmbedder(spec, 0), StatusIs(StatusCode::kNotFound, HasSubstr("model folder")));
}

TEST_F(LocalEmbedderTest, IsReportedWithItsShape) {
  const auto report = InspectModel(model_.path());
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

TEST_F(LocalEmbedderTest, TheSpecSaysHowTheModelIsUsed) {
  RegisterLocalEmbedder();
  EmbedderSpec spec;
  spec.kind = "local";
  spec.model = model_.path();
  const auto identity = [&spec] {
    const auto made = MakeEmbedder(spec, 0);
    EXPECT_THAT(made, IsOk());
    return std::string((*made)->identity());
  };
  const auto plain = MakeEmbedder(spec, 0);  // kept, so that the others share its encoder
  spec.prefix = "red ";
  EXPECT_THAT(identity(), EndsWith("/int8/mean/12/red "));
  spec.long_text = "windows";
  EXPECT_THAT(identity(), EndsWith("/int8/mean/12-windows/red "));
  spec.arithmetic = "float32";
  EXPECT_THAT(identity(), EndsWith("/float32/mean/12-windows/red "));
  spec = {.kind = "local", .model = model_.path()};
  EXPECT_EQ(identity(), (*plain)->identity());
}

}  // namespace
}  // namespace nearhit
