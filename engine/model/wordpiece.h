// WordPiece: words at white space and punctuation, then the longest pieces that the vocabulary has.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/subword_model.h"
#include "engine/model/vocabulary_trie.h"
#include "nearhit/result.h"

namespace nearhit {

// Marks the pieces that go on within a word.
inline constexpr std::string_view kContinuingPrefix = "##";

struct WordPieceOptions {
  std::int32_t unknown_id = 0;
  std::size_t max_characters_per_word = 100;  // a longer word is unknown
};

// Hugging Face's BertPreTokenizer and WordPiece in one pass.
//
// Thread-safety: thread-safe; it does not change once made.
class WordPiece final : public SubwordModel {
 public:
  // `tokens[i]` has id i.
  //
  // Errors: kInvalidArgument for a token that is there twice, or an unknown_id out of range.
  static Result<std::unique_ptr<const SubwordModel>> Make(const std::vector<std::string>& tokens,
                                                          const WordPieceOptions& options);

  // Cost: linear in the text; no allocation but for `ids`.
  void Append(std::string_view normal, std::vector<std::int32_t>* ids) const override;

 private:
  explicit WordPiece(const WordPieceOptions& options);

  void AppendWord(std::string_view word, std::size_t characters,
                  std::vector<std::int32_t>* ids) const;

  const WordPieceOptions options_;
  std::array<std::uint8_t, 128> ascii_{};  // UnicodeFlags, with every white space
  VocabularyTrie trie_;
  const VocabularyTrie::Node first_;       // pieces that begin a word
  const VocabularyTrie::Node continuing_;  // pieces that go on, without their prefix
};

}  // namespace nearhit
