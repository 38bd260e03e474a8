#include "engine/embedding/lexical_embedder.h"

#include <cmath>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/utf8.h"
#include "tests/support/no_deadline.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

class LexicalEmbedderTest : public testing::Test {
 protected:
  static Result<std::vector<float>> TryEmbed(std::string_view text, std::size_t dimension = 384) {
    const LexicalEmbedder embedder(dimension);
    return embedder.Embed(std::span(&text, 1), kNoDeadline);
  }
  static std::vector<float> Embed(std::string_view text, std::size_t dimension = 384) {
    return TryEmbed(text, dimension).value();
  }
  static double Norm(const std::vector<float>& vector) { return std::sqrt(Dot(vector, vector)); }
  static double Dot(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    }
    return sum;
  }
  static double Similarity(std::string_view a, std::string_view b) {
    return Dot(Embed(a), Embed(b));
  }
};

// A change here is a new version of the identity: namespaces hold vectors of the old one.
TEST_F(LexicalEmbedderTest, KeepsTheVectorsOfVersionOne) {
  EXPECT_THAT(Embed("What is the capital of Zürich?", 16),
              testing::ElementsAre(0.293912768F, 0.0F, 0.209937692F, 0.461862922F, -0.0839750767F,
                                   -0.0419875383F, -0.25192523F, -0.470260412F, -0.167950153F,
                                   -0.0209937692F, -0.113366351F, 0.25192523F, -0.209937692F,
                                   0.0209937692F, -0.461862922F, 0.0F));
}

TEST_F(LexicalEmbedderTest, NamesVersionAndDimension) {
  const LexicalEmbedder embedder(512);
  EXPECT_EQ(embedder.identity(), "lexical/v1/512");
  EXPECT_EQ(embedder.dimension(), 512u);
  EXPECT_FALSE(embedder.may_block());
}

TEST_F(LexicalEmbedderTest, RowsHaveUnitLength) {
  for (const std::size_t dimension : {16u, 17u, 384u, 8192u}) {
    for (const char* text : {"a", "How do I reset my password?", "日本語の質問", "7", "𝒳 ≠ y"}) {
      const std::vector<float> row = Embed(text, dimension);
      ASSERT_EQ(row.size(), dimension);
      EXPECT_NEAR(Norm(row), 1.0, 1e-5) << text << " at " << dimension;
    }
  }
}

TEST_F(LexicalEmbedderTest, EachRowIsItsTextAlone) {
  const std::vector<std::string_view> texts = {"first text", "", "the third, longer text"};
  const LexicalEmbedder embedder(64);
  const Result<std::vector<float>> rows = embedder.Embed(texts, kNoDeadline);
  ASSERT_THAT(rows, IsOk());
  ASSERT_EQ(rows->size(), 3u * 64u);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto begin = rows->begin() + static_cast<std::ptrdiff_t>(i * 64);
    EXPECT_EQ(std::vector<float>(begin, begin + 64), Embed(texts[i], 64)) << i;
  }
}

TEST_F(LexicalEmbedderTest, NoTextsGiveNoRows) {
  EXPECT_THAT(LexicalEmbedder(64).Embed({}, kNoDeadline), IsOkAndHolds(testing::IsEmpty()));
}

struct SameCase {
  std::string name;
  std::string a;
  std::string b;
};

class LexicalSameTest : public LexicalEmbedderTest, public testing::WithParamInterface<SameCase> {};

TEST_P(LexicalSameTest, GivesTheSameVector) {
  EXPECT_EQ(Embed(GetParam().a), Embed(GetParam().b));
}

INSTANTIATE_TEST_SUITE_P(
    Normalisation, LexicalSameTest,
    testing::Values(SameCase{"Case", "How Do I RESET it", "how do i reset it"},
                    SameCase{"WhiteSpace", "  how\tdo\n I  reset it ", "how do I reset it"},
                    SameCase{"Punctuation", "How do I reset it?!", "how do I, reset it."},
                    SameCase{"ComposedAccent", "caf\u00e9", "cafe\u0301"},
                    SameCase{"FullWidth", "\uff21\uff22\uff23 \uff11\uff12", "abc 12"},
                    SameCase{"SharpS", "Stra\u00dfe", "STRASSE"},
                    SameCase{"Ligature", "\ufb01le", "file"},
                    SameCase{"SoftHyphen", "data\u00adbase \u00e9", "database \u00e9"},
                    SameCase{"NoBreakSpace", "a\u00a0word", "a word"},
                    SameCase{"CurlyApostrophe", "what\u2019s", "what's"},
                    SameCase{"NoApostrophe", "don't", "dont"},
                    SameCase{"Greek", "\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c2"}),
    [](const auto& instance) { return instance.param.name; });

TEST_F(LexicalEmbedderTest, RewordingIsNearerThanAnotherQuestion) {
  const char* question = "How do I reset my password?";
  EXPECT_GT(Similarity(question, "how can I reset the password"), 0.5);
  EXPECT_GT(Similarity(question, "Resetting my password, how?"), 0.4);
  EXPECT_LT(Similarity(question, "What is the weather in Paris today?"), 0.2);
}

TEST_F(LexicalEmbedderTest, LongWordsCountMoreThanShortOnes) {
  EXPECT_GT(Similarity("the history of photosynthesis", "a photosynthesis history"),
            Similarity("the history of photosynthesis", "the rules of chess"));
}

TEST_F(LexicalEmbedderTest, NumbersMatter) {
  const char* text = "delivery in 4 days";
  EXPECT_LT(Similarity(text, "delivery in 5 days"), 0.9);
  EXPECT_LT(Similarity("version 3.5", "version 35"), 0.9);
  EXPECT_LT(Similarity(text, "delivery in 5 days"), Similarity(text, "the delivery in 4 days"));
}

TEST_F(LexicalEmbedderTest, SymbolsMatter) {
  EXPECT_LT(Similarity("sort in C++", "sort in C#"), 0.95);
  EXPECT_LT(Similarity("sort in C++", "sort in C"), 0.95);
  EXPECT_LT(Similarity("great 😀", "great 😡"), 0.95);
}

TEST_F(LexicalEmbedderTest, WordOrderMatters) {
  EXPECT_LT(Similarity("convert euro to dollar", "convert dollar to euro"), 0.999);
}

TEST_F(LexicalEmbedderTest, TextsWithoutWordsAreDifferentUnitVectors) {
  for (const char* text : {"", " ", "?", "!!", "…", "-- --", "\u200b", "\n"}) {
    EXPECT_NEAR(Norm(Embed(text)), 1.0, 1e-5);
  }
  EXPECT_NE(Embed("?"), Embed("!"));
  EXPECT_NE(Embed(""), Embed("?"));
}

TEST_F(LexicalEmbedderTest, TextsWithoutSpacesAreComparedByCharacters) {
  EXPECT_GT(Similarity("東京の天気はどうですか", "東京の天気は"), 0.5);
  EXPECT_LT(Similarity("東京の天気はどうですか", "パスワードを変更"), 0.3);
}

TEST_F(LexicalEmbedderTest, TakesLongTexts) {
  std::string words;
  while (words.size() < 100'000) {
    words += "word" + std::to_string(words.size() % 977) + (words.size() % 3 == 0 ? " é " : " ");
  }
  EXPECT_NEAR(Norm(Embed(words)), 1.0, 1e-5);
  EXPECT_NEAR(Norm(Embed(std::string(100'000, 'x'))), 1.0, 1e-5);
}

// Canonically equivalent texts; a sort that compares neighbours alone would take minutes for the
// second.
TEST_F(LexicalEmbedderTest, MarksAreOrderedHoweverManyThereAre) {
  const std::string acute_then_dot = "\u0301\u0323";
  std::string alternating = "a";
  std::string ordered = "a";
  constexpr std::size_t kPairs = 64'000;
  for (std::size_t i = 0; i < kPairs; ++i) {
    alternating += acute_then_dot;
    ordered += "\u0323";
  }
  for (std::size_t i = 0; i < kPairs; ++i) {
    ordered += "\u0301";
  }
  EXPECT_EQ(Embed("caf" + acute_then_dot + "e"), Embed("caf\u0323\u0301e"));
  EXPECT_EQ(Embed(alternating), Embed(ordered));
}

TEST_F(LexicalEmbedderTest, RefusesInvalidUtf8WithoutSayingTheText) {
  for (const char* text : {"secret\xff", "\xc0\xaf", "secret \xed\xa0\x80", "caf\xc3"}) {
    const Result<std::vector<float>> row = TryEmbed(text);
    EXPECT_THAT(row, StatusIs(StatusCode::kInvalidArgument, testing::HasSubstr("text 0")));
    EXPECT_THAT(row,
                StatusIs(StatusCode::kInvalidArgument, testing::Not(testing::HasSubstr("secret"))));
  }
}

TEST_F(LexicalEmbedderTest, OneBadTextFailsTheCall) {
  const std::vector<std::string_view> texts = {"good", "\xff"};
  EXPECT_THAT(LexicalEmbedder(64).Embed(texts, kNoDeadline),
              StatusIs(StatusCode::kInvalidArgument, testing::HasSubstr("text 1")));
}

TEST_F(LexicalEmbedderTest, StopsAtTheDeadline) {
  const std::string_view text = "text";
  EXPECT_THAT(LexicalEmbedder(64).Embed(std::span(&text, 1), std::chrono::steady_clock::now()),
              StatusIs(StatusCode::kDeadlineExceeded));
}

// Random bytes, half of them repaired to valid UTF-8: a finite unit vector or a refusal, as
// validity says.
TEST_F(LexicalEmbedderTest, RandomBytesGiveAUnitVectorOrARefusal) {
  std::mt19937_64 random(20260101);
  for (int round = 0; round < 3'000; ++round) {
    std::string text;
    const std::size_t size = random() % 40;
    const bool code_points = random() % 2 == 0;
    while (text.size() < size) {
      const std::uint64_t value = random();
      if (!code_points) {
        text.push_back(static_cast<char>(value & 0xFF));
        continue;
      }
      const std::uint64_t c = 0x800 + value % 0xD000;  // three bytes, no surrogate
      text.push_back(static_cast<char>(0xE0 | (c >> 12)));
      text.push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3F)));
      text.push_back(static_cast<char>(0x80 | (c & 0x3F)));
    }
    const Result<std::vector<float>> row = TryEmbed(text, 16 + random() % 100);
    ASSERT_EQ(row.ok(), IsValidUtf8(text)) << "round " << round;
    if (row.ok()) {
      EXPECT_NEAR(Norm(*row), 1.0, 1e-4) << "round " << round;  // also fails for NaN
    } else {
      EXPECT_EQ(row.status().code(), StatusCode::kInvalidArgument);
    }
  }
}

}  // namespace
}  // namespace nearhit
