#include "engine/model/tokenizer_json.h"

#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/model/strict_json.h"
#include "tests/support/status_matchers.h"

namespace nearhit {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using Ids = std::vector<std::int32_t>;

Json WordPieceFile() {
  return Json::parse(R"({
    "added_tokens": [
      {"id": 0, "content": "[UNK]", "special": true, "single_word": false, "lstrip": false,
       "rstrip": false, "normalized": false},
      {"id": 1, "content": "[CLS]"}, {"id": 2, "content": "[SEP]"}, {"id": 7, "content": "<new>"}],
    "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                   "strip_accents": null, "lowercase": true},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                 {"Sequence": {"id": "A", "type_id": 0}},
                 {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
      "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [1], "tokens": ["[CLS]"]},
                         "[SEP]": {"id": "[SEP]", "ids": [2], "tokens": ["[SEP]"]}}},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100,
              "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "cafe": 3, "##s": 4, "!": 5, "a": 6}}
  })");
}

Json UnigramFile() {
  return Json::parse(R"({
    "added_tokens": [],
    "normalizer": {"type": "Sequence", "normalizers": [
      {"type": "Lowercase"}, {"type": "Replace", "pattern": {"String": "!"}, "content": " ! "},
      {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "},
      {"type": "Strip", "strip_left": true, "strip_right": true}]},
    "pre_tokenizer": {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always",
                      "split": false},
    "post_processor": null,
    "model": {"type": "Unigram", "unk_id": 0, "vocab": [["[UNK]", -9], ["_a", -1], ["_!", -1.5]]}
  })");
}

Ids Encode(const Json& file, std::string_view text) {
  auto spec = ParseTokenizerJson(file.dump(), "tokenizer.json");
  const auto tokenizer = MakeTokenizer(std::move(spec).value(), "tokenizer.json");
  Ids ids;
  tokenizer.value()->Encode(text, &ids);
  return ids;
}

TEST(TokenizerJsonTest, ReadsWordPiece) {
  EXPECT_THAT(Encode(WordPieceFile(), "Caf\u00e9s a!"), ElementsAre(1, 3, 4, 6, 5, 2));
}

TEST(TokenizerJsonTest, SpecialTokensOfTheTextAreThoseTokens) {
  EXPECT_THAT(Encode(WordPieceFile(), "a[SEP]a<new>"), ElementsAre(1, 6, 2, 6, 7, 2));
  EXPECT_THAT(Encode(WordPieceFile(), "[[CLS]"), ElementsAre(1, 0, 1, 2));
}

TEST(TokenizerJsonTest, ReadsUnigram) {
  EXPECT_THAT(Encode(UnigramFile(), " A  a! "), ElementsAre(1, 1, 2));
  EXPECT_THAT(Encode(UnigramFile(), "  "), ElementsAre());
}

TEST(TokenizerJsonTest, ReadsBertProcessingAndNone) {
  Json file = WordPieceFile();
  file["post_processor"] = {
      {"type", "BertProcessing"}, {"sep", {"[SEP]", 2}}, {"cls", {"[CLS]", 1}}};
  EXPECT_THAT(Encode(file, "a"), ElementsAre(1, 6, 2));
  file["post_processor"] = nullptr;
  EXPECT_THAT(Encode(file, "a"), ElementsAre(6));
}

TEST(TokenizerJsonTest, ContentIsWithoutTheTokensAround) {
  auto spec = ParseTokenizerJson(WordPieceFile().dump(), "tokenizer.json");
  const auto tokenizer = MakeTokenizer(std::move(spec).value(), "tokenizer.json");
  ASSERT_THAT(tokenizer, IsOk());
  Ids ids = {9, 9};
  (*tokenizer)->EncodeContent("a!", &ids);
  EXPECT_THAT(ids, ElementsAre(6, 5));
  EXPECT_EQ((*tokenizer)->vocabulary_size(), 8u);
  EXPECT_EQ((*tokenizer)->unknown_id(), 0);
  EXPECT_TRUE((*tokenizer)->unknown_words());
}

struct BadCase {
  std::string name;
  std::string message;
  std::function<void(Json*)> spoil;
  bool unigram = false;
};

class TokenizerJsonBadTest : public testing::TestWithParam<BadCase> {};

TEST_P(TokenizerJsonBadTest, IsRefusedByName) {
  Json file = GetParam().unigram ? UnigramFile() : WordPieceFile();
  GetParam().spoil(&file);
  const auto load = [&file]() -> Result<std::unique_ptr<const Tokenizer>> {
    NEARHIT_ASSIGN_OR_RETURN(TokenizerSpec spec, ParseTokenizerJson(file.dump(), "tokenizer.json"));
    return MakeTokenizer(std::move(spec), "tokenizer.json");
  };
  EXPECT_THAT(load(), StatusIs(StatusCode::kInvalidArgument, AllOf(HasSubstr("tokenizer.json: "),
                                                                   HasSubstr(GetParam().message))));
}

std::string NameOf(const testing::TestParamInfo<BadCase>& instance) {
  return instance.param.name;
}

void Set(Json* file, const char* pointer, const Json& value) {
  (*file)[Json::json_pointer(pointer)] = value;
}

std::vector<BadCase> BadParts() {
  return {BadCase{"NoModel", "key \"model\" is missing", [](Json* f) { f->erase("model"); }},
          BadCase{"Bpe", "\"model.type\" is \"BPE\", expected WordPiece or Unigram",
                  [](Json* f) { Set(f, "/model/type", "BPE"); }},
          BadCase{"NoSplitter", "\"pre_tokenizer\" is null",
                  [](Json* f) { Set(f, "/pre_tokenizer", nullptr); }},
          BadCase{"OtherSplitter", "\"pre_tokenizer.type\" is \"ByteLevel\"",
                  [](Json* f) { Set(f, "/pre_tokenizer/type", "ByteLevel"); }},
          BadCase{"OtherNormalizer", "\"normalizer.type\" is \"Precompiled\"",
                  [](Json* f) { Set(f, "/normalizer/type", "Precompiled"); }},
          BadCase{"BadFlag", "\"normalizer.lowercase\" is 1, expected true or false",
                  [](Json* f) { Set(f, "/normalizer/lowercase", 1); }},
          BadCase{"NoUnknown", "\"model.unk_token\" is \"<unk>\"",
                  [](Json* f) { Set(f, "/model/unk_token", "<unk>"); }},
          BadCase{"OtherPrefix", "\"model.continuing_subword_prefix\"",
                  [](Json* f) { Set(f, "/model/continuing_subword_prefix", "@@"); }},
          BadCase{"ZeroLength", "\"model.max_input_chars_per_word\"",
                  [](Json* f) { Set(f, "/model/max_input_chars_per_word", 0); }},
          BadCase{"EmptyVocabulary", "\"model.vocab\"",
                  [](Json* f) { Set(f, "/model/vocab", Json::object()); }}};
}
INSTANTIATE_TEST_SUITE_P(Parts, TokenizerJsonBadTest, testing::ValuesIn(BadParts()), NameOf);

std::vector<BadCase> BadIds() {
  return {BadCase{"SameIdTwice", "an id that no other token has",
                  [](Json* f) { Set(f, "/model/vocab/a", 3); }},
          BadCase{"IdTooLarge", "\"model.vocab.a\" is 99",
                  [](Json* f) { Set(f, "/model/vocab/a", 99); }},
          BadCase{"NormalizedToken", "\"added_tokens[0].normalized\"",
                  [](Json* f) { Set(f, "/added_tokens/0/normalized", true); }},
          BadCase{"StrippingToken", "\"added_tokens[1].lstrip\"",
                  [](Json* f) { Set(f, "/added_tokens/1/lstrip", true); }},
          BadCase{"AddedElsewhere", "\"added_tokens[3].id\" is 9, expected 7",
                  [](Json* f) { Set(f, "/added_tokens/3/id", 9); }},
          BadCase{"AddedEmpty", "\"added_tokens[3].content\"",
                  [](Json* f) { Set(f, "/added_tokens/3/content", ""); }},
          BadCase{"OtherProcessor", "\"post_processor.type\" is \"RobertaProcessing\"",
                  [](Json* f) { Set(f, "/post_processor/type", "RobertaProcessing"); }},
          BadCase{"TemplateWithoutText", "\"post_processor.single\"",
                  [](Json* f) { Set(f, "/post_processor/single", Json::array()); }},
          BadCase{"TemplateOfAPair", "\"post_processor.single[1].Sequence.id\"",
                  [](Json* f) { Set(f, "/post_processor/single/1/Sequence/id", "B"); }},
          BadCase{"UnknownAround", "id 4711, expected less than",
                  [](Json* f) { Set(f, "/post_processor/special_tokens/[SEP]/ids/0", 4711); }}};
}
INSTANTIATE_TEST_SUITE_P(Ids, TokenizerJsonBadTest, testing::ValuesIn(BadIds()), NameOf);

std::vector<BadCase> BadUnigram() {
  return {BadCase{"ByteFallback", "\"model.byte_fallback\"",
                  [](Json* f) { Set(f, "/model/byte_fallback", true); }, true},
          BadCase{"NoUnknownId", "\"model.unk_id\"",
                  [](Json* f) { Set(f, "/model/unk_id", nullptr); }, true},
          BadCase{"NoPair", "here at 1", [](Json* f) { Set(f, "/model/vocab/1", "a"); }, true},
          BadCase{"Twice", "token 2 is there twice",
                  [](Json* f) { Set(f, "/model/vocab/2/0", "_a"); }, true},
          BadCase{"OtherSplitter", "Metaspace for a Unigram model",
                  [](Json* f) { Set(f, "/pre_tokenizer/type", "BertPreTokenizer"); }, true},
          BadCase{"Scheme", "\"pre_tokenizer.prepend_scheme\" is \"first\"",
                  [](Json* f) { Set(f, "/pre_tokenizer/prepend_scheme", "first"); }, true},
          BadCase{"LongReplacement", "\"pre_tokenizer.replacement\"",
                  [](Json* f) { Set(f, "/pre_tokenizer/replacement", "__"); }, true},
          BadCase{"Regex", "the only regular expression",
                  [](Json* f) { Set(f, "/normalizer/normalizers/2/pattern/Regex", "a+"); }, true},
          BadCase{"EmptyPattern", "\"normalizer.normalizers[1].pattern.String\"",
                  [](Json* f) { Set(f, "/normalizer/normalizers/1/pattern/String", ""); }, true},
          BadCase{"OtherStep", "\"normalizer.normalizers[0].type\" is \"NFKC\"",
                  [](Json* f) { Set(f, "/normalizer/normalizers/0/type", "NFKC"); }, true}};
}
INSTANTIATE_TEST_SUITE_P(Unigram, TokenizerJsonBadTest, testing::ValuesIn(BadUnigram()), NameOf);

TEST(TokenizerJsonTest, EveryTruncationIsRefused) {
  const std::string file = WordPieceFile().dump();
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_THAT(ParseTokenizerJson(file.substr(0, size), "tokenizer.json"),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("not JSON")))
        << size;
  }
}

TEST(VocabularyFileTest, ReadsLinesAndSettings) {
  const std::string vocabulary = "[PAD]\n[UNK]\r\n[CLS]\n[SEP]\n[MASK]\na\n##b\n\u00e9\nA\n";
  const auto encode = [&vocabulary](std::string_view config, std::string_view text) {
    auto spec = ParseVocabulary(vocabulary, config);
    Ids ids;
    MakeTokenizer(std::move(spec).value(), "vocab.txt").value()->Encode(text, &ids);
    return ids;
  };
  EXPECT_THAT(encode("{}", "Ab [MASK] \u00e9"), ElementsAre(2, 5, 6, 4, 1, 3));
  EXPECT_THAT(encode(R"({"do_lower_case": false})", "Ab \u00e9"), ElementsAre(2, 8, 6, 7, 3));
  EXPECT_THAT(encode(R"({"strip_accents": false, "cls_token": {"content": "[PAD]"}})", "\u00c9"),
              ElementsAre(0, 7, 3));
}

TEST(VocabularyFileTest, SaysWhatIsWrong) {
  EXPECT_THAT(
      ParseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n", "{}"),
      StatusIs(StatusCode::kInvalidArgument,
               AllOf(HasSubstr("vocab.txt"), HasSubstr("[MASK]"), HasSubstr("mask_token"))));
  EXPECT_THAT(ParseVocabulary("[PAD]\n\xff\n", "{}"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("vocab.txt: line 2")));
  EXPECT_THAT(ParseVocabulary("", "{}"), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseVocabulary("a", "[]"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("tokenizer_config.json")));
  EXPECT_THAT(ParseVocabulary("a", R"({"do_lower_case": "yes"})"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("do_lower_case")));
}

}  // namespace
}  // namespace nearhit
