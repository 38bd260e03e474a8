#include "engine/model/static_embedder.h"

#include <cmath>
#include <fstream>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/no_deadline.h"
#include "tests/support/safetensors_writer.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::HasSubstr;

constexpr const char* kVocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nred\nblue\n##s\n";

// A model of eight tokens and two dimensions.
class StaticEmbedderTest : public testing::Test {
 protected:
  StaticEmbedderTest() {
    Write("config.json", R"({"model_type": "model2vec", "normalize": false})");
    Write("vocab.txt", kVocabulary);
  }

  void Write(const char* name, std::string_view bytes) const {
    std::ofstream(dir_.path() / name, std::ios::binary) << bytes;
  }
  static SafetensorsWriter PlainTable() {
    SafetensorsWriter writer;
    writer.AddF32("embeddings", {8, 2}, {0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 1, 2, 3, -4, 0.5F, 0});
    return writer;
  }
  Result<std::unique_ptr<const StaticEmbedder>> Load(const SafetensorsWriter& tensors) const {
    Write("model.safetensors", tensors.File());
    return StaticEmbedder::Load(dir_.path(), "static/test");
  }
  static Result<std::vector<float>> Embed(const StaticEmbedder& embedder, std::string_view text) {
    return embedder.Embed(std::span(&text, 1), kNoDeadline);
  }

  const TempDir dir_;
};

TEST_F(StaticEmbedderTest, IsTheMeanOfTheTokens) {
  const auto embedder = Load(PlainTable());
  ASSERT_THAT(embedder, IsOk());
  EXPECT_EQ((*embedder)->dimension(), 2u);
  EXPECT_EQ((*embedder)->identity(), "static/test");
  EXPECT_FALSE((*embedder)->may_block());
  EXPECT_THAT(Embed(**embedder, "red"), IsOkAndHolds(ElementsAre(1, 2)));
  EXPECT_THAT(Embed(**embedder, "Red blue"), IsOkAndHolds(ElementsAre(2, -1)));
  EXPECT_THAT(Embed(**embedder, "blues"), IsOkAndHolds(ElementsAre(1.75F, -2)));
}

TEST_F(StaticEmbedderTest, NormalisesWhenTheModelSaysSo) {
  Write("config.json", R"({"model_type": "model2vec", "normalize": true})");
  const auto embedder = Load(PlainTable());
  ASSERT_THAT(embedder, IsOk());
  EXPECT_THAT(Embed(**embedder, "blue"),
              IsOkAndHolds(ElementsAre(FloatNear(0.6F, 1e-6F), FloatNear(-0.8F, 1e-6F))));
}

TEST_F(StaticEmbedderTest, UsesWeightsAndSharedRows) {
  SafetensorsWriter writer;
  writer.AddF32("embeddings", {2, 2}, {1, 0, 0, 1});
  writer.Add<double>("weights", "F64", {8}, {1, 1, 1, 1, 1, 2, 4, 1});
  writer.Add<std::int32_t>("mapping", "I32", {8}, {0, 0, 0, 0, 0, 0, 1, 1});
  const auto embedder = Load(writer);
  ASSERT_THAT(embedder, IsOk());
  EXPECT_THAT(Embed(**embedder, "red blue"), IsOkAndHolds(ElementsAre(1, 2)));
}

TEST_F(StaticEmbedderTest, UnknownWordsDoNotCount) {
  const auto embedder = Load(PlainTable());
  ASSERT_THAT(embedder, IsOk());
  EXPECT_THAT(Embed(**embedder, "red zebra"), IsOkAndHolds(ElementsAre(1, 2)));
}

// Such texts would all be one vector, and so all hit each other.
TEST_F(StaticEmbedderTest, TextsWithoutAKnownTokenHaveNoVector) {
  const auto embedder = Load(PlainTable());
  ASSERT_THAT(embedder, IsOk());
  for (const char* text : {"", "  ", "zebra", "\u4e2d"}) {
    EXPECT_THAT(Embed(**embedder, text), IsOkAndHolds(ElementsAre(0, 0))) << text;
  }
}

TEST_F(StaticEmbedderTest, LongTextsHaveNoVector) {
  Write("config.json", R"({"model_type": "model2vec", "seq_length": 3})");
  const auto embedder = Load(PlainTable());
  ASSERT_THAT(embedder, IsOk());
  EXPECT_THAT(Embed(**embedder, "red red red"), IsOkAndHolds(ElementsAre(1, 2)));
  EXPECT_THAT(Embed(**embedder, "red red red red"), IsOkAndHolds(ElementsAre(0, 0)));
}

TEST_F(StaticEmbedderTest, StopsAtTheDeadline) {
  const auto embedder = Load(PlainTable());
  ASSERT_THAT(embedder, IsOk());
  const std::string_view text = "red";
  EXPECT_THAT((*embedder)->Embed(std::span(&text, 1), std::chrono::steady_clock::now()),
              StatusIs(StatusCode::kDeadlineExceeded));
}

TEST_F(StaticEmbedderTest, TensorsFitTogether) {
  const auto refuses = [this](const SafetensorsWriter& tensors, const char* message) {
    EXPECT_THAT(Load(tensors), StatusIs(StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  refuses(SafetensorsWriter(), "\"embeddings\" is missing");
  SafetensorsWriter flat;
  flat.AddF32("embeddings", {16}, std::vector<float>(16));
  refuses(flat, "\"embeddings\" has another shape");
  SafetensorsWriter small;
  small.AddF32("embeddings", {7, 2}, std::vector<float>(14));
  refuses(small, "has 7 rows, expected one for each of the 8 tokens");
  SafetensorsWriter not_finite;
  not_finite.AddF32("embeddings", {8, 1},
                    std::vector<float>(8, std::numeric_limits<float>::quiet_NaN()));
  refuses(not_finite, "\"embeddings\" holds number 0");
  SafetensorsWriter weights = PlainTable();
  weights.AddF32("weights", {7}, std::vector<float>(7));
  refuses(weights, "\"weights\" has shape [7], expected [8]");
  SafetensorsWriter mapping = PlainTable();
  mapping.Add<std::int64_t>("mapping", "I64", {8}, {0, 0, 0, 0, 0, 0, 0, 8});
  refuses(mapping, "\"mapping\" holds row 8, expected less than 8");
}

TEST_F(StaticEmbedderTest, NeedsItsFiles) {
  EXPECT_THAT(StaticEmbedder::Load(dir_.path(), "x"),
              StatusIs(StatusCode::kNotFound, HasSubstr("model.safetensors")));
  std::filesystem::remove(dir_.path() / "vocab.txt");
  EXPECT_THAT(StaticEmbedder::Load(dir_.path(), "x"),
              StatusIs(StatusCode::kNotFound, HasSubstr("vocab.txt")));
  Write("config.json", R"({"model_type": "gpt2"})");
  EXPECT_THAT(StaticEmbedder::Load(dir_.path(), "x"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("model_type")));
}

}  // namespace
}  // namespace nearhit
