#include "engine/policy/guards.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

#include "engine/policy/word_order.h"

namespace nearhit {
namespace {

template <typename Value>
bool LacksOne(const std::vector<Value>& of, const std::vector<Value>& in) {
  return !std::includes(in.begin(), in.end(), of.begin(), of.end());
}

// Each has one that the other lacks. Both are sorted.
template <typename Value>
bool HaveOthers(const std::vector<Value>& a, const std::vector<Value>& b) {
  return LacksOne(a, b) && LacksOne(b, a);
}

// At most kMostOther: what is compared with each other stays few.
std::vector<const Word*> WordsNotIn(const PromptFacts& of, const PromptFacts& in) {
  constexpr std::size_t kMostOther = 64;
  std::vector<const Word*> words;
  for (const Word& word : of.words()) {
    if (words.size() < kMostOther &&
        !std::binary_search(in.stems().begin(), in.stems().end(), word.stem)) {
      words.push_back(&word);
    }
  }
  return words;
}

// "able" and "unable", "vegetarian" and "non-vegetarian".
bool IsNegatedForm(std::string_view plain, std::string_view negated) {
  constexpr std::array<std::string_view, 9> kPrefixes = {"un",  "in",  "im",   "ir", "il",
                                                         "dis", "non", "non-", "mis"};
  return plain.size() > 3 && negated.ends_with(plain) &&
         std::find(kPrefixes.begin(), kPrefixes.end(),
                   negated.substr(0, negated.size() - plain.size())) != kPrefixes.end();
}

bool AreOpposites(const Word& a, const Word& b) {
  // "with" and "without": a negation, and counted as one.
  const bool negation = a.In(WordList::kNegation) || b.In(WordList::kNegation);
  return !negation && a.facts != nullptr && b.facts != nullptr && a.facts->has_opposite &&
         b.facts->has_opposite && WordTable::Shared().AreOpposites(a.text, b.text);
}

bool AreNegatedForms(const Word& a, const Word& b) {
  // "unable" is in the list, and counted there.
  return !a.In(WordList::kNegation) && !b.In(WordList::kNegation) &&
         (IsNegatedForm(a.text, b.text) || IsNegatedForm(b.text, a.text));
}

struct Turns {
  std::ptrdiff_t opposites = 0;
  std::ptrdiff_t prefixes = 0;  // of other words
};

// How many words of one are turned round in the other.
Turns TurnsOf(const std::vector<const Word*>& words, const std::vector<const Word*>& others) {
  Turns turns;
  for (const Word* const word : words) {
    if (std::any_of(others.begin(), others.end(),
                    [word](const Word* other) { return AreOpposites(*word, *other); })) {
      ++turns.opposites;
    } else if (std::any_of(others.begin(), others.end(),
                           [word](const Word* other) { return AreNegatedForms(*word, *other); })) {
      ++turns.prefixes;
    }
  }
  return turns;
}

// Two words that turn the same one round count once.
Turns TurnsBetween(const std::vector<const Word*>& a, const std::vector<const Word*>& b) {
  const Turns left = TurnsOf(a, b);
  const Turns right = TurnsOf(b, a);
  return {.opposites = std::min(left.opposites, right.opposites),
          .prefixes = std::min(left.prefixes, right.prefixes)};
}

// Languages that say a negation twice have it or not; English counts.
int NegationsOf(const PromptFacts& facts) {
  return facts.text().language() == Language::kEn ? facts.negations()
                                                  : std::min(facts.negations(), 1);
}

// One says the opposite of the other: an odd number of turns lies between them.
std::optional<Guard> PolarityConflict(const PromptFacts& a, const PromptFacts& b) {
  const Turns turns = TurnsBetween(WordsNotIn(a, b), WordsNotIn(b, a));
  const std::ptrdiff_t all = NegationsOf(a) - NegationsOf(b) + turns.opposites + turns.prefixes;
  if (all % 2 == 0) {
    return std::nullopt;
  }
  return turns.opposites > 0 ? Guard::kOpposite : Guard::kNegation;
}

bool HaveOtherScripts(const PromptFacts& a, const PromptFacts& b) {
  const TextWords& left = a.text();
  const TextWords& right = b.text();
  if (left.is_mostly_other_script() != right.is_mostly_other_script()) {
    return true;
  }
  return !left.is_mostly_other_script() && left.other_script() != right.other_script();
}

bool HaveOtherGender(const PromptFacts& a, const PromptFacts& b) {
  return (a.male() && !a.female() && b.female() && !b.male()) ||
         (a.female() && !a.male() && b.male() && !b.female());
}

// A place is compared as such.
// German writes every noun with a capital.
bool IsName(const Word& word, bool german) {
  return !word.In(WordList::kFunction) && word.has_letter && word.text != "i" &&
         (word.facts == nullptr || word.facts->place == 0) &&
         ((word.capital && !word.begins_sentence && !german) || word.capitals);
}

// "MS" and "Microsoft".
bool IsShortFor(std::string_view brief, std::string_view name) {
  constexpr std::size_t kLongest = 4;
  if (brief.size() > kLongest || brief.empty() || brief.front() != name.front()) {
    return false;
  }
  std::size_t at = 0;
  for (const char c : name) {
    at += at < brief.size() && brief[at] == c ? 1 : 0;
  }
  return at == brief.size();
}

// The words of `of` that are names `in` lacks.
std::vector<std::string_view> OtherNames(const PromptFacts& of, const PromptFacts& in) {
  std::vector<std::string_view> names;
  for (const Word* const word : WordsNotIn(of, in)) {
    if (IsName(*word, of.text().language() == Language::kDe)) {
      names.push_back(word->stem);
    }
  }
  return names;
}

std::vector<std::string_view> StemsWithout(const PromptFacts& facts,
                                           const std::vector<std::string_view>& names) {
  std::vector<std::string_view> stems;
  for (const Word& word : facts.words()) {
    if (std::find(names.begin(), names.end(), word.stem) == names.end() &&
        !word.In(WordList::kFunction)) {
      stems.push_back(word.stem);
    }
  }
  return stems;
}

// Each names what the other does not, in a sentence of the same words.
bool HaveOtherNames(const PromptFacts& a, const PromptFacts& b) {
  const std::vector<std::string_view> in_a = OtherNames(a, b);
  const std::vector<std::string_view> in_b = OtherNames(b, a);
  if (in_a.empty() || in_b.empty() || StemsWithout(a, in_a) != StemsWithout(b, in_b)) {
    return false;
  }
  return in_a.size() != 1 || in_b.size() != 1 ||
         (!IsShortFor(in_a[0], in_b[0]) && !IsShortFor(in_b[0], in_a[0]));
}

bool IsRefusedBy(Guard guard, const PromptFacts& a, const PromptFacts& b) {
  switch (guard) {
    case Guard::kNumber:
      return Conflict(a.quantities(), b.quantities());
    case Guard::kTime:
      return HaveOthers(a.times(), b.times());
    case Guard::kCurrency:
      return HaveOthers(a.currencies(), b.currencies());
    case Guard::kVersion:
      return HaveOthers(a.versions(), b.versions());
    case Guard::kIdentifier:
      return HaveOthers(a.identifiers(), b.identifiers());
    case Guard::kQuoted:
      return HaveOthers(a.quoted(), b.quoted());
    case Guard::kLink:
      return a.links() != b.links();
    case Guard::kScript:
      return HaveOtherScripts(a, b);
    case Guard::kPlace:
      return HaveOthers(a.places(), b.places());
    case Guard::kProduct:
      return HaveOthers(a.products(), b.products());
    case Guard::kName:
      return HaveOtherNames(a, b);
    case Guard::kGender:
      return HaveOtherGender(a, b);
    case Guard::kOrder:
      return HasExchangedWords(a.text(), b.text());
    case Guard::kFresh:
      return a.fresh() || b.fresh();
    case Guard::kAction:
      return a.action() || b.action();
    case Guard::kNegation:
    case Guard::kOpposite:
      return PolarityConflict(a, b) == guard;
  }
  return false;
}

}  // namespace

std::optional<Guard> GuardNamed(std::string_view name) {
  const auto found = std::find(kGuardNames.begin(), kGuardNames.end(), name);
  return found == kGuardNames.end()
             ? std::nullopt
             : std::optional(static_cast<Guard>(found - kGuardNames.begin()));
}

std::string GuardsText(GuardSet guards) {
  if (guards == GuardSet::All()) {
    return "all";
  }
  std::string text;
  for (std::size_t i = 0; i < kGuardNames.size(); ++i) {
    if (guards.Has(static_cast<Guard>(i))) {
      text.append(text.empty() ? "" : ",").append(kGuardNames[i]);
    }
  }
  return text;
}

Result<GuardSet> ParseGuards(std::string_view text) {
  if (text == "all") {
    return GuardSet::All();
  }
  GuardSet guards;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    std::string_view name = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
    name = name.substr(0, name.find_last_not_of(' ') + 1);
    const std::optional<Guard> guard = GuardNamed(name);
    if (!guard) {
      return InvalidArgument("no guard has this name; there are all, " +
                             GuardsText(GuardSet::All().Without(GuardSet(1))) + " and number");
    }
    guards.Add(*guard);
  }
  return guards;
}

std::optional<Guard> FindConflict(const PromptFacts& a, const PromptFacts& b, GuardSet on) {
  for (std::size_t i = 0; i < kGuardNames.size(); ++i) {
    const auto guard = static_cast<Guard>(i);
    if (on.Has(guard) && IsRefusedBy(guard, a, b)) {
      return guard;
    }
  }
  return std::nullopt;
}

GuardSet FindConflicts(const PromptFacts& a, const PromptFacts& b) {
  GuardSet conflicts;
  for (std::size_t i = 0; i < kGuardNames.size(); ++i) {
    GuardSet one;
    one.Add(static_cast<Guard>(i));
    if (FindConflict(a, b, one)) {
      conflicts.Add(static_cast<Guard>(i));
    }
  }
  return conflicts;
}

}  // namespace nearhit
