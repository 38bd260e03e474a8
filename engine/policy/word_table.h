// What the guards know of words: the lists of words/*.txt, one file a language. words/README.md has
// the format.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "nearhit/result.h"

namespace nearhit {

enum class Language : std::uint8_t { kEn, kDe, kFr, kEs, kPt, kIt, kZh, kJa };
inline constexpr std::array<std::string_view, 8> kLanguageNames = {"en", "de", "fr", "es",
                                                                   "pt", "it", "zh", "ja"};

// Lists without values.
enum class WordList : std::uint8_t {
  kFunction,  // says little by itself: articles, auxiliaries, pronouns
  kNegation,
  kMale,
  kFemale,
  kFresh,  // the answer is another one tomorrow
  kQuantities,
  kPrepositions,
  kModals,
  kPast,
  kPositive,
  kNegative,
  kQualifiers,
  kActions,
};

// What one language says of a word.
struct WordFacts {
  static constexpr std::uint8_t kHeaviest = 9;  // of what no list has
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  bool In(WordList list) const { return (lists >> static_cast<unsigned>(list) & 1U) != 0; }

  Language language = Language::kEn;
  std::uint32_t lists = 0;
  double number = kNone;
  double multiplier = kNone;
  double ordinal = kNone;
  double unit_scale = kNone;  // times this it is in the group's own unit
  // Groups of words for the same thing; 0: none. Equal in all languages by the group's name.
  std::uint16_t unit = 0;
  std::uint16_t currency = 0;
  std::uint16_t time = 0;
  std::uint16_t place = 0;
  std::uint16_t product = 0;
  std::uint8_t person = 0;
  std::uint8_t weight = kHeaviest;  // how much it says: minus the logarithm of how common it is
  bool has_opposite = false;
  std::string_view form{};  // what it is a form of; empty: none is known
};

// Thread-safety: immutable once made.
class WordTable {
 public:
  // That of the lists that are built in; made by the first call.
  static const WordTable& Shared();

  // Adds the lists of a file. Errors: kInvalidArgument with the line.
  Status Add(Language language, std::string_view file);

  // The facts of a word in small letters, by language; null: no list has it.
  const std::vector<WordFacts>* Find(std::string_view word) const;
  bool AreOpposites(std::string_view a, std::string_view b) const;

 private:
  // Finds by views, without a copy.
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view word) const {
      return std::hash<std::string_view>()(word);
    }
  };
  template <typename Value>
  using Map = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;

  Status AddLine(Language language, std::string_view section, std::string_view line);
  WordFacts* FactsOf(Language language, std::string_view word);
  std::uint16_t GroupNumber(std::string_view section, std::string_view name);

  Map<std::vector<WordFacts>> facts_;
  std::unordered_set<std::string> opposites_;  // "a/b", a before b
  Map<std::uint16_t> groups_;
  std::unordered_set<std::string> forms_;  // owns WordFacts::form
};

}  // namespace nearhit
