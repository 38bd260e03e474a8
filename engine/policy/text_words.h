// A text as the words that guards compare.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/policy/word_table.h"

namespace nearhit {

struct Word {
  std::string_view text{};           // small letters, folded quotes, contractions spelt out
  std::string_view stem{};           // without the endings of its forms
  const WordFacts* facts = nullptr;  // in the language of the text; null: no list has it
  std::size_t begin = 0;             // byte of the original text
  std::size_t end = 0;
  std::size_t clause = 0;  // how many signs of punctuation stand before it
  bool capital = false;    // begins with a capital letter
  bool capitals = false;   // of several letters, all capitals
  bool begins_sentence = false;
  bool has_digit = false;
  bool has_letter = false;

  bool In(WordList list) const { return facts != nullptr && facts->In(list); }
};

// Thread-safety: immutable once made. Views point into it.
class TextWords {
 public:
  // Text that is no UTF-8 is read as far as it is.
  // Cost: linear; text after the first kMaxBytes or kMaxWords is left out.
  explicit TextWords(std::string_view text);
  ~TextWords() = default;
  TextWords(const TextWords&) = delete;
  TextWords& operator=(const TextWords&) = delete;

  static constexpr std::size_t kMaxBytes = std::size_t{16} << 10;
  static constexpr std::size_t kMaxWords = 512;

  const std::vector<Word>& words() const { return words_; }
  Language language() const { return language_; }
  std::size_t sentences() const { return sentences_; }
  // Letters outside of Latin, in order.
  std::string_view other_script() const { return other_script_; }
  bool is_mostly_other_script() const { return other_letters_ > latin_letters_; }

 private:
  struct Scanner;

  std::string letters_;  // what the words are views of
  std::string stems_;
  std::string other_script_;
  std::vector<Word> words_;
  Language language_ = Language::kEn;
  std::size_t sentences_ = 0;
  std::size_t latin_letters_ = 0;
  std::size_t other_letters_ = 0;
};

}  // namespace nearhit
