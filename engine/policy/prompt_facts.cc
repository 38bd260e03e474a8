#include "engine/policy/prompt_facts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace nearhit {
namespace {

template <typename Value>
void SortUnique(std::vector<Value>* values) {
  std::sort(values->begin(), values->end());
  values->erase(std::unique(values->begin(), values->end()), values->end());
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower;
}

// What stands between quotes. An apostrophe opens one behind a blank only.
std::vector<std::string> QuotedIn(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kQuotes = {
      {{"\"", "\""},
       {"`", "`"},
       {"\u201c", "\u201d"},
       {"\u00ab", "\u00bb"},
       {"\u300c", "\u300d"},
       {" '", "'"}}};
  constexpr std::size_t kLongest = 4096;
  std::vector<std::string> found;
  for (const auto& [open, close] : kQuotes) {
    for (std::size_t at = text.find(open); at != std::string_view::npos; at = text.find(open, at)) {
      const std::size_t begin = at + open.size();
      const std::size_t end = text.find(close, begin);
      if (end == std::string_view::npos) {
        break;
      }
      if (end - begin >= 2 && end - begin <= kLongest) {
        found.push_back(Lower(text.substr(begin, end - begin)));
      }
      at = end + close.size();
    }
  }
  SortUnique(&found);
  return found;
}

bool IsLink(std::string_view part) {
  const std::size_t at = part.find('@');
  return part.find("://") != std::string_view::npos || part.starts_with("www.") ||
         (at != std::string_view::npos && at > 0 && part.find('.', at) != std::string_view::npos) ||
         (part.size() > 2 && (part.front() == '/' || part.starts_with("~/")) && part[1] != ' ');
}

// Addresses of the web and of mail, and paths.
std::vector<std::string> LinksIn(std::string_view text) {
  std::vector<std::string> found;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \t\r\n"), text.size());
    std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!part.empty() &&
           std::string_view(".,;:!?)\"'").find(part.back()) != std::string_view::npos) {
      part.remove_suffix(1);
    }
    if (!part.empty() && IsLink(part)) {
      found.emplace_back(part);
    }
  }
  SortUnique(&found);
  return found;
}

// Negations that change nothing: "or not", "why not", "not only", "no matter", "aren't they".
bool IsIdleNegation(const std::vector<Word>& words, std::size_t at) {
  const std::string_view text = words[at].text;
  const std::string_view before = at > 0 ? words[at - 1].text : "";
  const std::string_view after = at + 1 < words.size() ? words[at + 1].text : "";
  const bool spelt_out = text == "not" && words[at].begin == words[at].end;
  return (text == "not" && (before == "or" || before == "why" || after == "only")) ||
         ((text == "not" || text == "no") && before == "if") ||
         (text == "no" && after == "matter") ||
         (spelt_out && at > 0 && words[at - 1].begins_sentence);
}

// "What now?" and "now that …" ask for nothing of today.
bool IsFresh(const std::vector<Word>& words, std::size_t at) {
  const std::string_view before = at > 0 ? words[at - 1].text : "";
  const std::string_view after = at + 1 < words.size() ? words[at + 1].text : "";
  return words[at].In(WordList::kFresh) &&
         (words[at].text != "now" || (before != "what" && before != "until" && after != "that"));
}

// "Transfer $50 from my account": the verb comes first, but for a word of courtesy.
bool IsAction(const std::vector<Word>& words) {
  const std::size_t verb = !words.empty() && words.front().text == "please" ? 1 : 0;
  return verb < words.size() && words[verb].In(WordList::kActions) &&
         std::any_of(words.begin(), words.end(), [](const Word& word) {
           return word.text == "my" || word.text == "our" || word.text == "$";
         });
}

bool IsVersion(std::string_view word) {
  const bool digits_only = word.find_first_not_of("0123456789.") == std::string_view::npos;
  return (digits_only && std::count(word.begin(), word.end(), '.') > 1) ||
         (word.size() > 1 && word.front() == 'v' &&
          word.find_first_not_of("0123456789.", 1) == std::string_view::npos);
}

}  // namespace

PromptFacts::PromptFacts(std::string_view text)
    : text_(text), question_(QuestionOf(text_)), quoted_(QuotedIn(text)), links_(LinksIn(text)) {
  std::vector<bool> in_quantity;
  quantities_ = QuantitiesOf(text_, &in_quantity);
  ReadWords(in_quantity);
  for (auto* set : {&times_, &currencies_, &places_, &products_}) {
    SortUnique(set);
  }
  action_ = IsAction(words());
  SortUnique(&versions_);
  SortUnique(&identifiers_);
  SortUnique(&stems_);
}

void PromptFacts::ReadWords(const std::vector<bool>& in_quantity) {
  static const std::uint16_t usa = WordTable::Shared().Find("usa")->front().place;
  for (std::size_t i = 0; i < words().size(); ++i) {
    const Word& word = words()[i];
    stems_.push_back(word.stem);
    if (word.has_digit && !in_quantity[i] && word.text.find('@') == std::string_view::npos) {
      (IsVersion(word.text) ? versions_ : identifiers_).emplace_back(word.text);
    }
    if (word.text == "us" && word.capitals) {
      places_.push_back(usa);
    }
    if (word.facts == nullptr) {
      continue;
    }
    const WordFacts& facts = *word.facts;
    const auto add = [](std::uint16_t group, std::vector<std::uint16_t>* groups) {
      if (group != 0) {
        groups->push_back(group);
      }
    };
    add(facts.time, &times_);
    add(facts.currency, &currencies_);
    add(facts.place, &places_);
    add(facts.product, &products_);
    negations_ += facts.In(WordList::kNegation) && !IsIdleNegation(words(), i) ? 1 : 0;
    male_ = male_ || facts.In(WordList::kMale);
    female_ = female_ || facts.In(WordList::kFemale);
    fresh_ = fresh_ || IsFresh(words(), i);
  }
}

}  // namespace nearhit
