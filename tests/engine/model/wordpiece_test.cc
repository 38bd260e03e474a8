#include "engine/model/wordpiece.h"

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/model/tokenizer_spec.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Ids = std::vector<std::int32_t>;

Ids EncodeWords(const std::vector<std::string>& tokens, std::string_view normal,
                const WordPieceOptions& options = {}) {
  const auto model = WordPiece::Make(tokens, options);
  Ids ids;
  model.value()->Append(normal, &ids);
  return ids;
}

TEST(WordPieceTest, TakesTheLongestPieces) {
  const std::vector<std::string> tokens = {"[UNK]", "un",    "una",     "##able",
                                           "##a",   "##ble", "##ffable"};
  EXPECT_THAT(EncodeWords(tokens, "unable"), ElementsAre(2, 5));
  EXPECT_THAT(EncodeWords(tokens, "unaable una"), ElementsAre(2, 3, 2));
}

TEST(WordPieceTest, AWordWithAnUnknownRestIsUnknownAsAWhole) {
  EXPECT_THAT(EncodeWords({"[UNK]", "un", "##a", "x"}, "x unaz x"), ElementsAre(3, 0, 3));
}

TEST(WordPieceTest, PiecesThatGoOnDoNotBegin) {
  EXPECT_THAT(EncodeWords({"[UNK]", "##ing", "go"}, "ing going"), ElementsAre(0, 2, 1));
}

TEST(WordPieceTest, SplitsAtWhiteSpaceAndPunctuation) {
  const std::vector<std::string> tokens = {"[UNK]", "a", "b", ".", "$", "\u00bf"};
  EXPECT_THAT(EncodeWords(tokens, " a.b\u00a0$a\t\u00bfb  "), ElementsAre(1, 3, 2, 4, 1, 5, 2));
  EXPECT_THAT(EncodeWords(tokens, "  "), IsEmpty());
}

TEST(WordPieceTest, LongWordsAreUnknown) {
  const WordPieceOptions options{.max_characters_per_word = 3};
  const std::vector<std::string> tokens = {"[UNK]", "\u00e9", "##\u00e9"};
  EXPECT_THAT(EncodeWords(tokens, "\u00e9\u00e9\u00e9 \u00e9\u00e9\u00e9\u00e9", options),
              ElementsAre(1, 2, 2, 0));
}

TEST(WordPieceTest, RefusesTokensThatAreThereTwiceAndWrongUnknownIds) {
  EXPECT_THAT(WordPiece::Make({"[UNK]", "a", "a"}, {}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("token 2 is there twice")));
  EXPECT_THAT(WordPiece::Make({"a"}, {.unknown_id = 1}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(WordPiece::Make({}, {}), StatusIs(StatusCode::kInvalidArgument));
}

std::string DataFile(const char* name) {
  return std::string(NEARHIT_TEST_DATA) + "/" + name;
}

// all-MiniLM-L6-v2's tokenizer, with the tokens that the recorded texts need at their ids and
// placeholders, which no text reaches, at all others.
TokenizerSpec MiniLmSpec() {
  TokenizerSpec spec;
  std::ifstream file(DataFile("minilm_vocabulary.tsv"));
  for (std::string line; std::getline(file, line);) {
    const std::size_t tab = line.find('\t');
    const std::size_t id = std::stoul(line.substr(0, tab));
    while (spec.tokens.size() < id) {
      spec.tokens.push_back("[gap " + std::to_string(spec.tokens.size()) + "]");
    }
    spec.tokens.push_back(line.substr(tab + 1));
  }
  spec.normalizer = {BertNormalizerOptions{}};
  spec.model = WordPieceOptions{.unknown_id = 100};
  spec.special = {{"[PAD]", 0}, {"[UNK]", 100}, {"[CLS]", 101}, {"[SEP]", 102}, {"[MASK]", 103}};
  spec.before = {101};
  spec.after = {102};
  return spec;
}

TEST(WordPieceTest, GivesTheIdsOfTheReference) {
  const auto tokenizer = MakeTokenizer(MiniLmSpec(), "minilm_vocabulary.tsv");
  ASSERT_THAT(tokenizer, IsOk());
  std::ifstream file(DataFile("minilm_tokens.jsonl"));
  int count = 0;
  for (std::string line; std::getline(file, line); ++count) {
    const auto sample = nlohmann::json::parse(line);
    Ids ids = {-1};
    (*tokenizer)->Encode(sample["text"].get<std::string>(), &ids);
    EXPECT_EQ(ids, sample["ids"].get<Ids>()) << line;
  }
  EXPECT_EQ(count, 148);
}

}  // namespace
}  // namespace nearhit
