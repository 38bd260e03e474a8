// What a tokenizer is made of, whichever file said it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/model/special_tokens.h"
#include "engine/model/text_normalizer.h"
#include "engine/model/tokenizer.h"
#include "engine/model/unigram.h"
#include "engine/model/wordpiece.h"
#include "nearhit/result.h"

namespace nearhit {

struct TokenizerSpec {
  std::vector<NormalizerStep> normalizer;
  std::vector<std::string> tokens;  // the vocabulary, by id
  std::vector<double> scores;       // Unigram only: as many
  std::variant<WordPieceOptions, UnigramOptions> model;
  std::vector<SpecialToken> special;  // found in the text; ids may lie beyond `tokens`
  std::vector<std::int32_t> before;   // around a text
  std::vector<std::int32_t> after;
};

// Errors: kInvalidArgument, beginning with `file`, for tokens that are there twice, ids out of
// range and scores that are not finite.
Result<std::unique_ptr<const Tokenizer>> MakeTokenizer(TokenizerSpec spec, std::string_view file);

}  // namespace nearhit
