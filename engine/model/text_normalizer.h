// Text as a subword model wants it: cleaned, lower-cased, stripped of accents, replaced.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace nearhit {

// The settings of Hugging Face's BertNormalizer.
struct BertNormalizerOptions {
  bool clean_text = true;        // drops control characters, makes all white space U+0020
  bool ideograph_spaces = true;  // a space on both sides of every ideograph
  bool strip_accents = true;     // canonical decomposition, then without nonspacing marks
  bool lower_case = true;

  friend bool operator==(const BertNormalizerOptions&, const BertNormalizerOptions&) = default;
};

// Cleans text exactly as Hugging Face's BertNormalizer does.
//
// Thread-safety: const methods thread-safe.
class BertNormalizer {
 public:
  explicit BertNormalizer(const BertNormalizerOptions& options);

  // Appends the normal form of `text` to `out`: valid UTF-8, whatever the text. Bytes that are no
  // UTF-8 count as U+FFFD.
  // Cost: one table look-up for an ASCII character, about ten times that for another.
  void Append(std::string_view text, std::string* out) const;

 private:
  // A code point that waits for the end of its run of combining marks.
  struct Mark {
    int combining_class;
    std::uint32_t c;
  };

  void AppendWide(std::uint32_t c, std::vector<Mark>* marks, std::string* out) const;
  void AppendDecomposed(std::uint32_t c, std::vector<Mark>* marks, std::string* out) const;
  void Flush(std::vector<Mark>* marks, std::string* out) const;
  void AppendOne(std::uint32_t c, std::string* out) const;

  const BertNormalizerOptions options_;
  std::array<char, 128> ascii_{};  // what each becomes; kDropped for what is removed
};

// The other steps that a tokenizer.json may name, each as Hugging Face's of the same name.
struct LowercaseStep {};
struct StripStep {
  bool left;
  bool right;
};
struct ReplaceStep {
  std::string pattern;  // not empty
  std::string content;
};
struct CollapseSpaceStep {  // Replace with the regular expression \s+
  std::string content;
};
using NormalizerStep =
    std::variant<BertNormalizerOptions, LowercaseStep, StripStep, ReplaceStep, CollapseSpaceStep>;

// A sequence of steps.
//
// Thread-safety: const methods thread-safe.
class TextNormalizer {
 public:
  explicit TextNormalizer(const std::vector<NormalizerStep>& steps);

  // Appends the normal form of `text` to `out`, which is empty.
  void Normalize(std::string_view text, std::string* out) const;

 private:
  using Step =
      std::variant<BertNormalizer, LowercaseStep, StripStep, ReplaceStep, CollapseSpaceStep>;

  std::vector<Step> steps_;
};

}  // namespace nearhit
