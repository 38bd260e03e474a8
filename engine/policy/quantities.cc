#include "engine/policy/quantities.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

namespace nearhit {
namespace {

bool WritesCommaForPoint(Language language) {
  return language == Language::kDe || language == Language::kFr || language == Language::kEs ||
         language == Language::kPt || language == Language::kIt;
}

// Whether what follows each of these signs are groups of three digits.
bool IsGrouped(std::string_view digits, char sign) {
  std::size_t at = digits.find(sign);
  if (at == 0 || at > 3) {
    return false;
  }
  while (at != std::string_view::npos) {
    const std::size_t next = std::min(digits.find(sign, at + 1), digits.size());
    if (next - at != 4) {
      return false;
    }
    at = next == digits.size() ? std::string_view::npos : next;
  }
  return true;
}

// Digits with points and commas as a number; nothing when they are none, as in 1.2.3.
std::optional<double> ReadDigits(std::string_view digits, Language language) {
  // A lone comma that groups nothing is one in every language.
  const bool comma_is_point = WritesCommaForPoint(language);
  const char point = comma_is_point ? ',' : '.';
  const char group = comma_is_point ? '.' : ',';
  const bool grouped = digits.find(group) != std::string_view::npos;
  std::string plain;
  const std::size_t whole = std::min(digits.find(point), digits.size());
  // A lone sign that groups nothing separates the decimals: "2.5" in a German text.
  const bool other_way = grouped && !IsGrouped(digits.substr(0, whole), group);
  for (const char c : digits) {
    if (c == point || c == group) {
      const bool is_point = other_way ? c == group : c == point;
      plain.append(is_point ? 1 : 0, '.');
    } else {
      plain.push_back(c);
    }
  }
  double value = 0;
  const auto read = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  return read.ec == std::errc() && read.ptr == plain.data() + plain.size() ? std::optional(value)
                                                                           : std::nullopt;
}

class Reader {
 public:
  Reader(const TextWords& text, std::vector<bool>* used) : text_(text), used_(*used) {
    used_.assign(text.words().size(), false);
  }

  std::vector<Quantity> Run() {
    while (at_ < text_.words().size()) {
      const Word& word = text_.words()[at_];
      const std::size_t begin = at_;
      std::optional<Quantity> found;
      if (word.has_digit) {
        found = FromDigits(word);
      } else if (word.facts != nullptr && !std::isnan(word.facts->ordinal)) {
        found = Quantity{.value = word.facts->ordinal, .ordinal = true};
        ++at_;
      } else if (StartsNumber(word) || StartsMultiple(word)) {
        found = FromWords();
      }
      if (found) {
        std::fill(used_.begin() + static_cast<std::ptrdiff_t>(begin),
                  used_.begin() + static_cast<std::ptrdiff_t>(at_), true);
        AddUnit(&*found);
        quantities_.push_back(*found);
      } else {
        at_ = begin + 1;
      }
    }
    return std::move(quantities_);
  }

 private:
  static bool StartsNumber(const Word& word) {
    return word.facts != nullptr && !std::isnan(word.facts->number);
  }
  // Of a script without spaces: a hundred may be written without a one.
  bool StartsMultiple(const Word& word) const {
    return word.facts != nullptr && !std::isnan(word.facts->multiplier) &&
           (text_.language() == Language::kZh || text_.language() == Language::kJa);
  }

  const WordFacts* FactsOf(std::string_view word) const {
    const std::vector<WordFacts>* const all = WordTable::Shared().Find(word);
    if (all == nullptr) {
      return nullptr;
    }
    const auto found = std::find_if(all->begin(), all->end(), [this](const WordFacts& facts) {
      return facts.language == text_.language();
    });
    return found != all->end() ? &*found : &all->front();
  }

  // "5", "2,000", "2k", "10kg", "3rd", "5%".
  std::optional<Quantity> FromDigits(const Word& word) {
    const std::string_view all = word.text;
    const std::size_t digits = std::min(all.find_first_not_of("0123456789.,"), all.size());
    if (digits == 0) {
      return std::nullopt;
    }
    const std::optional<double> value = ReadDigits(all.substr(0, digits), text_.language());
    if (!value) {
      return std::nullopt;
    }
    Quantity quantity{.value = *value};
    ++at_;
    const std::string_view behind = all.substr(digits);
    constexpr std::array<std::string_view, 8> kOrdinals = {"st", "nd", "rd", "th",
                                                           "er", "º",  "ª",  "e"};
    if (behind.empty()) {
      Multiply(&quantity);
      return quantity;
    }
    if (std::find(kOrdinals.begin(), kOrdinals.end(), behind) != kOrdinals.end()) {
      quantity.ordinal = true;
      return quantity;
    }
    const WordFacts* const facts = FactsOf(behind);
    if (behind == "m" || (facts != nullptr && !std::isnan(facts->multiplier))) {
      quantity.value *= behind == "m" ? 1e6 : facts->multiplier;
      return quantity;
    }
    if (facts != nullptr && facts->unit != 0) {
      quantity.value *= facts->unit_scale;
      quantity.unit = facts->unit;
      return quantity;
    }
    if (behind == "s") {
      return quantity;  // the 1990s
    }
    --at_;
    return std::nullopt;
  }

  // "two hundred and fifty"
  Quantity FromWords() {
    double total = 0;
    double part = 0;
    double last = 0;  // of `part`: what a small multiplier takes
    bool multiplied = false;
    while (at_ < text_.words().size()) {
      const Word& word = text_.words()[at_];
      if (StartsNumber(word)) {
        const double number = word.facts->number;
        const bool is_ten = multiplied || (last >= 20 && std::fmod(last, 10) == 0);
        if (last != 0 && !(number < 10 && is_ten) && last < 100) {
          break;  // "five six" are two
        }
        multiplied = false;
        part += number;
        last = number;
      } else if (word.facts != nullptr && !std::isnan(word.facts->multiplier)) {
        const double by = word.facts->multiplier;
        multiplied = true;
        if (by < 1000) {
          part += std::max(last, 1.0) * by - last;
          last = std::max(last, 1.0) * by;
        } else {
          total += std::max(part, 1.0) * by;
          part = 0;
          last = 0;
        }
      } else if (word.text != "and" || last < 100 || at_ + 1 == text_.words().size() ||
                 !StartsNumber(text_.words()[at_ + 1])) {
        break;
      }
      ++at_;
    }
    return {.value = total + part};
  }

  // "2 million"
  void Multiply(Quantity* quantity) {
    while (at_ < text_.words().size()) {
      const Word& word = text_.words()[at_];
      if (word.facts == nullptr || std::isnan(word.facts->multiplier)) {
        return;
      }
      quantity->value *= word.facts->multiplier;
      ++at_;
    }
  }

  // The word behind, when it is one.
  void AddUnit(Quantity* quantity) {
    if (quantity->unit != 0 || quantity->ordinal || at_ >= text_.words().size()) {
      return;
    }
    const WordFacts* const facts = text_.words()[at_].facts;
    if (facts != nullptr && facts->unit != 0) {
      quantity->value *= facts->unit_scale;
      quantity->unit = facts->unit;
      ++at_;
    }
  }

  const TextWords& text_;
  std::vector<bool>& used_;
  std::vector<Quantity> quantities_;
  std::size_t at_ = 0;
};

bool LacksOne(const std::vector<Quantity>& of, const std::vector<Quantity>& in) {
  std::vector<bool> taken(in.size());
  for (const Quantity& each : of) {
    std::size_t i = 0;
    while (i < in.size() && (taken[i] || !each.Agrees(in[i]))) {
      ++i;
    }
    if (i == in.size()) {
      return true;
    }
    taken[i] = true;
  }
  return false;
}

}  // namespace

bool Quantity::Agrees(const Quantity& other) const {
  const double apart = std::abs(value - other.value);
  return apart <= 1e-6 * std::max(std::abs(value), std::abs(other.value)) &&
         (unit == other.unit || unit == 0 || other.unit == 0) && ordinal == other.ordinal;
}

std::vector<Quantity> QuantitiesOf(const TextWords& text, std::vector<bool>* used) {
  return Reader(text, used).Run();
}

bool Conflict(const std::vector<Quantity>& a, const std::vector<Quantity>& b) {
  return LacksOne(a, b) && LacksOne(b, a);
}

}  // namespace nearhit
