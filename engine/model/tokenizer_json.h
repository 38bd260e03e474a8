// Reads the files that describe a tokenizer: tokenizer.json, or vocab.txt with its settings.
#pragma once

#include <string_view>

#include "engine/model/tokenizer_spec.h"
#include "nearhit/result.h"

namespace nearhit {

// Reads Hugging Face's tokenizer.json. Supported are
//   model           WordPiece; Unigram without byte_fallback
//   normalizer      null, BertNormalizer, Lowercase, Strip, Replace (of a string, or of the regular
//                   expression \s+), Sequence of these
//   pre_tokenizer   BertPreTokenizer for WordPiece; Metaspace for Unigram
//   post_processor  null, TemplateProcessing, BertProcessing
//   added_tokens    without single_word, lstrip, rstrip and normalized
// truncation, padding and decoder are not looked at: the caller truncates, nobody pads.
//
// Errors: kInvalidArgument, naming `file`, the key and what was expected, for everything else.
Result<TokenizerSpec> ParseTokenizerJson(std::string_view json, std::string_view file);

// Makes the tokenizer that BertTokenizer makes of a vocab.txt, one token to a line, and of the
// settings in tokenizer_config.json: do_lower_case, strip_accents, tokenize_chinese_chars and the
// names of the special tokens. Both may be what a model folder has or "{}".
//
// Errors: kInvalidArgument as above.
Result<TokenizerSpec> ParseVocabulary(std::string_view vocabulary, std::string_view config);

}  // namespace nearhit
