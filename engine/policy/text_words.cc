#include "engine/policy/text_words.h"

#include <algorithm>
#include <array>
#include <optional>

#include <utf8proc.h>

namespace nearhit {
namespace {

// A form shares at least so many letters with its stem.
constexpr std::size_t kShortestStem = 3;
// Letters of the longest word of the lists without spaces.
constexpr std::size_t kLongestUnspaced = 8;

struct Letter {
  std::int32_t code = 0;
  std::size_t size = 1;  // bytes
};

Letter LetterAt(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x80) {
    return {byte, 1};
  }
  Letter letter;
  const auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at),
                                     static_cast<utf8proc_ssize_t>(text.size() - at), &letter.code);
  letter.size = size > 0 ? static_cast<std::size_t>(size) : 1;
  letter.code = size > 0 ? letter.code : ' ';
  return letter;
}

bool IsDigit(std::int32_t c) {
  return c >= '0' && c <= '9';
}

// Ideographs and kana stand alone: nothing separates their words.
bool IsUnspaced(std::int32_t c) {
  return (c >= 0x3040 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x9FFF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3FFFF);
}

bool IsLetter(std::int32_t c) {
  if (c < 0x80) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }
  const utf8proc_category_t category = utf8proc_category(c);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_ME;
}

bool IsCapital(std::int32_t c) {
  return c < 0x80 ? c >= 'A' && c <= 'Z' : utf8proc_category(c) == UTF8PROC_CATEGORY_LU;
}

// Quotes of typography, full-width forms and dashes become those of ASCII.
std::int32_t Fold(std::int32_t c) {
  if (c < 0x80) {
    return c;
  }
  if (c == 0x2018 || c == 0x2019 || c == 0x02BC) {
    return '\'';
  }
  if (c == 0x2013 || c == 0x2014 || c == 0x2212) {
    return '-';
  }
  if (c >= 0xFF01 && c <= 0xFF5E) {
    return c - 0xFEE0;
  }
  return c == 0x3000 || c == 0xA0 ? ' ' : c;
}

// Signs that are words of their own.
bool IsSign(std::int32_t c) {
  return c == '$' || c == '%' || c == 0x20AC || c == 0xA3 || c == 0xA5 || c == 0x20B9 ||
         c == 0x20A9;
}

// Signs that words have within or behind them: C++, non-stop, a.b@c, 1,000.
bool IsInner(std::int32_t c) {
  return c == '\'' || c == '-' || c == '.' || c == '_' || c == '@' || c == '/' || c == ',';
}

bool IsBehind(std::int32_t c) {
  return c == '+' || c == '#';
}

bool EndsSentence(std::int32_t c) {
  return c == '.' || c == '?' || c == '!' || c == ':' || c == 0x3002;
}

void AppendLower(std::int32_t c, std::string* out) {
  if (c < 0x80) {
    out->push_back(static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c));
    return;
  }
  std::array<utf8proc_uint8_t, 4> bytes{};
  const auto size = utf8proc_encode_char(utf8proc_tolower(c), bytes.data());
  out->append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(size));
}

struct Ending {
  std::string_view ending;
  std::string_view instead;
};

// Of English: enough to know the forms of one word as one.
constexpr std::array<Ending, 7> kEndings = {
    {{"ies", "y"}, {"ings", ""}, {"ing", ""}, {"edly", ""}, {"ed", ""}, {"ers", "er"}, {"ly", ""}}};

std::string_view WithoutE(std::string_view word) {
  word.remove_suffix(word.size() > kShortestStem && word.ends_with('e') ? 1 : 0);
  return word;
}

bool IsPlural(std::string_view word) {
  return word.size() >= 4 && word.ends_with('s') && !word.ends_with("ss") &&
         !word.ends_with("us") && !word.ends_with("is");
}

void AppendStem(std::string_view word, std::string* out) {
  for (const Ending& ending : kEndings) {
    if (word.size() > 4 && word.ends_with(ending.ending) &&
        word.size() - ending.ending.size() >= kShortestStem) {
      const std::size_t begin = out->size();
      out->append(word.substr(0, word.size() - ending.ending.size())).append(ending.instead);
      const std::size_t size = out->size() - begin;
      const char last = out->back();
      if (size > kShortestStem && last == (*out)[out->size() - 2] && last != 'l' && last != 's') {
        out->pop_back();  // "stopp"
      }
      if (out->size() - begin > kShortestStem && out->back() == 'e') {
        out->pop_back();
      }
      return;
    }
  }
  if (word.size() > 4 && word.ends_with("es") &&
      std::string_view("sxzh").find(word[word.size() - 3]) != std::string_view::npos) {
    out->append(word.substr(0, word.size() - 2));
  } else {
    out->append(WithoutE(IsPlural(word) ? word.substr(0, word.size() - 1) : word));
  }
}

}  // namespace

// Finds the words, in the order of the text.
struct TextWords::Scanner {
  explicit Scanner(std::string_view all, TextWords* to) : text(all), out(*to) {}

  void Run() {
    bool begins = true;
    while (at < text.size() && out.words_.size() < kMaxWords) {
      const Letter letter = LetterAt(text, at);
      const std::int32_t c = Fold(letter.code);
      if (IsLetter(c) || IsDigit(c)) {
        TakeWord(begins);
        begins = false;
      } else {
        if (IsSign(c)) {
          Add({.begin = at, .end = at + letter.size, .clause = clause},
              text.substr(at, letter.size));
        }
        begins = begins || EndsSentence(c);
        clause += EndsSentence(c) || c == ',' || c == ';' || c == 0x3001 ? 1 : 0;
        out.sentences_ += (c == '.' || c == '?' || c == '!') && !last_ended ? 1 : 0;
        last_ended = EndsSentence(c);
        at += letter.size;
      }
    }
    out.sentences_ = std::max<std::size_t>(out.sentences_, 1);
  }

  void TakeWord(bool begins) {
    last_ended = false;
    Word word{.begin = at, .clause = clause, .begins_sentence = begins};
    lower.clear();
    std::size_t capitals = 0;
    std::size_t letters = 0;
    while (at < text.size()) {
      const Letter letter = LetterAt(text, at);
      const std::int32_t c = Fold(letter.code);
      const bool is_letter = IsLetter(c);
      if (is_letter && IsUnspaced(c)) {
        if (!lower.empty()) {
          break;
        }
        TakeUnspaced(letter.size);
        word.has_letter = true;
        break;
      }
      if (!is_letter && !IsDigit(c) && !(IsInner(c) && GoesOn(letter.size, c)) &&
          !(IsBehind(c) && !lower.empty())) {
        break;
      }
      capitals += IsCapital(c) ? 1 : 0;
      word.capital = word.capital || (lower.empty() && IsCapital(c));
      word.has_digit = word.has_digit || IsDigit(c);
      word.has_letter = word.has_letter || is_letter;
      if (is_letter) {
        ++letters;
        Count(c, letter.size);
      }
      AppendLower(c, &lower);
      at += letter.size;
    }
    word.end = at;
    word.capitals = letters > 1 && capitals == letters;
    AddSpeltOut(word);
  }

  // The longest word of the lists that begins here, else a letter.
  void TakeUnspaced(std::size_t first) {
    std::size_t size = first;
    std::size_t end = at;
    for (std::size_t i = 0; i < kLongestUnspaced && end < text.size(); ++i) {
      const Letter letter = LetterAt(text, end);
      if (!IsUnspaced(letter.code)) {
        break;
      }
      end += letter.size;
      if (WordTable::Shared().Find(text.substr(at, end - at)) != nullptr) {
        size = end - at;
      }
    }
    lower.append(text.substr(at, size));
    out.other_script_.append(text.substr(at, size));
    out.other_letters_ += size / 3;
    at += size;
  }

  void Count(std::int32_t c, std::size_t size) {
    const bool latin = c < 0x250 || (c >= 0x1E00 && c < 0x1F00);
    ++(latin ? out.latin_letters_ : out.other_letters_);
    if (!latin) {
      out.other_script_.append(text.substr(at, size));
    }
  }

  // Whether a sign is within a word: something of a word follows, and a comma stands among digits.
  bool GoesOn(std::size_t size, std::int32_t sign) const {
    if (at + size >= text.size() || lower.empty()) {
      return false;
    }
    const std::int32_t next = Fold(LetterAt(text, at + size).code);
    const bool after_digit = IsDigit(lower.back());
    if (sign == ',' || sign == '/') {
      return after_digit && IsDigit(next);
    }
    return (IsLetter(next) && !IsUnspaced(next)) || IsDigit(next);
  }

  // "don't" is "do not", "what's" is "what is"; other endings behind an apostrophe go.
  void AddSpeltOut(Word word) {
    const std::size_t quote = lower.rfind('\'');
    if (quote == std::string::npos) {
      return Add(word, lower);
    }
    const std::string_view all = lower;
    if (all == "n't") {
      return Add(word, "not");
    }
    if (all.ends_with("n't")) {
      const std::string_view base = all.substr(0, all.size() - 3);
      Add(word, base == "ca" ? "can" : base == "wo" ? "will" : base == "sha" ? "shall" : base);
      return Add({.begin = word.end, .end = word.end, .clause = clause}, "not");
    }
    const std::string_view behind = all.substr(quote + 1);
    if (behind == "s" || behind == "re" || behind == "ve" || behind == "ll" || behind == "m" ||
        behind == "d") {
      Add(word, all.substr(0, quote));
      if (behind == "m" || behind == "re" || (behind == "s" && IsBefore(all.substr(0, quote)))) {
        Add({.begin = word.end, .end = word.end, .clause = clause}, behind == "s"   ? "is"
                                                                    : behind == "m" ? "am"
                                                                                    : "are");
      }
      return;
    }
    if (quote < 4) {  // l'eau, dell'acqua, qu'il
      Add({.begin = word.begin,
           .end = word.begin + quote,
           .clause = clause,
           .begins_sentence = word.begins_sentence},
          all.substr(0, quote));
      word.begin += quote + 1;
      return Add(word, behind);
    }
    Add(word, all);
  }

  static bool IsBefore(std::string_view word) {
    constexpr std::array<std::string_view, 12> kWords = {
        "what", "who", "where", "how", "when", "why", "it", "that", "there", "here", "he", "she"};
    return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
  }

  // `letters_` has room: views into it stay valid.
  void Add(Word word, std::string_view lower_text) {
    const std::size_t begin = out.letters_.size();
    out.letters_.append(lower_text);
    word.text = std::string_view(out.letters_).substr(begin);
    out.words_.push_back(word);
  }

  std::string_view text;
  TextWords& out;
  std::string lower{};
  std::size_t at = 0;
  std::size_t clause = 0;
  bool last_ended = false;
};

namespace {

// The language whose lists know most words; English where none knows any.
Language LanguageOf(const std::vector<const std::vector<WordFacts>*>& facts,
                    std::string_view other_script) {
  // Kana tell Japanese; ideographs alone are read as Chinese.
  bool has_ideographs = false;
  for (std::size_t at = 0; at < other_script.size();) {
    const Letter letter = LetterAt(other_script, at);
    if (letter.code >= 0x3040 && letter.code <= 0x30FF) {
      return Language::kJa;
    }
    has_ideographs = has_ideographs || IsUnspaced(letter.code);
    at += letter.size;
  }
  if (has_ideographs) {
    return Language::kZh;
  }
  std::array<std::size_t, kLanguageNames.size()> known{};
  for (const auto* of_word : facts) {
    for (std::size_t i = 0; of_word != nullptr && i < of_word->size(); ++i) {
      const WordFacts& each = (*of_word)[i];
      known[static_cast<std::size_t>(each.language)] +=
          each.In(WordList::kFunction) || each.In(WordList::kNegation) ? 2 : 1;
    }
  }
  // English is written with few words that no list has: where another language knows as many, it
  // is that one.
  auto most = std::max_element(known.begin() + 1, known.end());
  most = *most == 0 || *most < known.front() ? known.begin() : most;
  return static_cast<Language>(most - known.begin());
}

const WordFacts* FactsIn(Language language, const std::vector<WordFacts>* facts) {
  if (facts == nullptr) {
    return nullptr;
  }
  for (const WordFacts& each : *facts) {
    if (each.language == language) {
      return &each;
    }
  }
  return nullptr;
}

}  // namespace

TextWords::TextWords(std::string_view text) {
  text = text.substr(0, kMaxBytes);
  // Lower case and what is spelt out never take more than this.
  letters_.reserve(text.size() * 3 + 16);
  stems_.reserve(text.size() * 3 + 16);
  words_.reserve(text.size() / 4 + 4);
  Scanner(text, this).Run();
  const WordTable& table = WordTable::Shared();
  std::vector<const std::vector<WordFacts>*> facts;
  facts.reserve(words_.size());
  for (const Word& word : words_) {
    facts.push_back(table.Find(word.text));
  }
  language_ = LanguageOf(facts, is_mostly_other_script() ? other_script_ : "");
  for (std::size_t i = 0; i < words_.size(); ++i) {
    Word& word = words_[i];
    word.facts = FactsIn(language_, facts[i]);
    const std::size_t begin = stems_.size();
    if (word.facts != nullptr && !word.facts->form.empty()) {
      stems_.append(word.facts->form);
    } else if (language_ == Language::kEn && !word.has_digit) {
      AppendStem(word.text, &stems_);
    } else {
      stems_.append(word.text);
    }
    word.stem = std::string_view(stems_).substr(begin);
  }
}

}  // namespace nearhit
