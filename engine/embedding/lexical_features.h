// Text to weighted, hashed features; the first half of LexicalEmbedder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nearhit/result.h"

namespace nearhit {

// One occurrence of a feature. Equal hashes are the same feature and carry the same weight.
struct LexicalFeature {
  std::uint64_t hash;
  std::uint32_t weight;  // > 0
};

// Extracts features. Keeps its buffers from one text to the next, so that a batch allocates little.
//
// Thread-safety: owned by one thread.
class LexicalFeatures {
 public:
  // Replaces features() by those of `text`, in no particular order; at least one, whatever the
  // text.
  //
  // Errors: kInvalidArgument for invalid UTF-8; features() is then unspecified.
  Status Extract(std::string_view text);

  const std::vector<LexicalFeature>& features() const { return features_; }
  std::vector<LexicalFeature>& mutable_features() { return features_; }

 private:
  // A word's code points are starts_[first] .. starts_[last] (exclusive) in padded_; starts_[first
  // - 1] and starts_[last] are the spaces around it.
  struct Word {
    std::size_t first;
    std::size_t last;
    bool number;  // has a digit
    bool alone;   // one code point that is a word by itself: a symbol, an ideograph
  };

  // NFKC with case folded; linear in the text but for the sorting of marks.
  Status Normalise(std::string_view text);
  void Decompose(std::string_view text);
  void OrderMarks();
  void Split();
  void AddWords();
  void AddCharacters(const Word& word);
  void AddFallback();

  std::string_view Slice(std::size_t first, std::size_t last) const {
    return std::string_view(padded_).substr(starts_[first], starts_[last] - starts_[first]);
  }

  std::vector<std::int32_t> code_points_;  // the text, decomposed
  std::string normal_;                     // the text after normalisation
  std::string padded_;                     // its words, each with one space before and after
  std::vector<std::size_t> starts_;  // byte offset of every code point of padded_, and its end
  std::vector<Word> words_;
  std::vector<LexicalFeature> features_;
};

}  // namespace nearhit
