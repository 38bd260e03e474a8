// Normalisation, WordPiece and Unigram over any text. Input: which settings, then the text.

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "engine/model/tokenizer_spec.h"
#include "engine/model/unicode.h"
#include "tests/fuzz/fuzz_input.h"

namespace nearhit {
namespace {

const std::vector<std::string> kWordPieces = {
    "[UNK]", "[CLS]", "[SEP]", "a", "ab", "##b", "##ab", ".", "e", "\u4e2d", "##\u00e9", "#"};
const std::vector<std::string> kUnigrams = {"[UNK]", "\u2581", "\u2581a", "a",
                                            "ab",    "b.",     "\u00e9"};

constexpr std::uint8_t kSettings = 128;  // bits of Make

std::unique_ptr<const Tokenizer> Make(std::uint8_t settings) {
  TokenizerSpec spec;
  const BertNormalizerOptions normalizer{.clean_text = (settings & 1) == 0,
                                         .ideograph_spaces = (settings & 2) == 0,
                                         .strip_accents = (settings & 4) == 0,
                                         .lower_case = (settings & 8) == 0};
  spec.normalizer = {normalizer};
  if ((settings & 16) == 0) {
    spec.tokens = kWordPieces;
    spec.model = WordPieceOptions{.max_characters_per_word = 20};
    spec.special = {{"[CLS]", 1}, {"[SEP]", 2}};
  } else {
    spec.normalizer.emplace_back(ReplaceStep{.pattern = ".", .content = " . "});
    spec.normalizer.emplace_back(CollapseSpaceStep{.content = " "});
    spec.normalizer.emplace_back(StripStep{.left = true, .right = true});
    spec.tokens = kUnigrams;
    spec.scores = {-9, -2, -3, -2.5, -4, -3, -5};
    spec.model = UnigramOptions{.prepend = (settings & 32) == 0, .split = (settings & 64) == 0};
  }
  return MakeTokenizer(std::move(spec), "made").value();
}

void Run(FuzzInput input) {
  static const auto tokenizers = [] {
    std::array<std::unique_ptr<const Tokenizer>, kSettings> all;
    for (std::uint8_t settings = 0; settings < kSettings; ++settings) {
      all[settings] = Make(settings);
    }
    return all;
  }();
  const std::uint8_t settings = input.Byte() % kSettings;
  const std::string_view text = input.Rest();
  const Tokenizer& tokenizer = *tokenizers[settings];
  std::vector<std::int32_t> ids;
  tokenizer.Encode(text, &ids);
  const auto size = static_cast<std::int64_t>(tokenizer.vocabulary_size());
  FUZZ_CHECK(ids.size() <= 3 * text.size() + 1);  // a decomposition has at most three parts a byte
  FUZZ_CHECK(std::all_of(ids.begin(), ids.end(),
                         [size](std::int32_t id) { return id >= 0 && id < size; }));
  std::vector<std::int32_t> again;
  tokenizer.EncodeContent(text, &again);
  FUZZ_CHECK(again == ids);  // nothing stands around the text here

  static const BertNormalizer normalizer{BertNormalizerOptions{}};
  std::string normal;
  normalizer.Append(text, &normal);
  FUZZ_CHECK(IsValidUtf8(normal));
  for (std::size_t position = 0; position < normal.size();) {
    const std::uint8_t flags = UnicodeFlags(DecodeUtf8(normal, &position));
    FUZZ_CHECK((flags & (kUnicodeRemoved | kUnicodeAccent)) == 0);
  }
}

}  // namespace
}  // namespace nearhit

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nearhit::Run(nearhit::FuzzInput(data, size));
  return 0;
}
