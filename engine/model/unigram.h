// Unigram: the most probable way to cut a text into pieces of the vocabulary.
#pragma once

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

struct UnigramOptions {
  std::int32_t unknown_id = 0;
  // Metaspace: what spaces become, one code point, and what is put before a text that does not
  // begin with it.
  std::string replacement = "\u2581";
  bool prepend = true;
  bool split = true;  // cuts before each replacement first; else pieces may span words
};

// Hugging Face's Metaspace and Unigram.
//
// Thread-safety: thread-safe; it does not change once made.
class Unigram final : public SubwordModel {
 public:
  // `tokens[i]` has id i and the logarithm of its probability in `scores[i]`.
  //
  // Errors: kInvalidArgument for a token that is there twice or empty, a score that is not finite,
  // or an unknown_id out of range. Requires: as many scores as tokens.
  static Result<std::unique_ptr<const SubwordModel>> Make(const std::vector<std::string>& tokens,
                                                          std::vector<double> scores,
                                                          const UnigramOptions& options);

  // Cost: the text times the longest piece; 24 bytes for each byte of the text.
  void Append(std::string_view normal, std::vector<std::int32_t>* ids) const override;

 private:
  // The best way to the byte where the step ends.
  struct Step {
    double score = 0;
    std::size_t from = 0;
    std::int32_t id = VocabularyTrie::kNoId;  // kNoId: no way yet
  };

  Unigram(const UnigramOptions& options, std::vector<double> scores);

  void AppendPiece(std::string_view piece, std::vector<Step>* steps,
                   std::vector<std::int32_t>* ids) const;
  void FindBestWay(std::string_view piece, std::vector<Step>* steps) const;

  const UnigramOptions options_;
  const std::vector<double> scores_;
  double unknown_score_ = 0;
  VocabularyTrie trie_;
  const VocabularyTrie::Node root_;
};

}  // namespace nearhit
