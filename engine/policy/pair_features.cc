#include "engine/policy/pair_features.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <span>
#include <string_view>
#include <vector>

namespace nearhit {
namespace {

using Views = std::vector<std::string_view>;

// Longer texts are compared by their first telling words.
constexpr std::size_t kMostOrdered = 64;

void SortUnique(Views* views) {
  std::sort(views->begin(), views->end());
  views->erase(std::unique(views->begin(), views->end()), views->end());
}

struct Telling {
  std::string_view stem;
  float weight = 0;
};

// One side of a pair.
struct Side {
  explicit Side(const PromptFacts& of) : facts(of) {
    for (const Word& word : of.words()) {
      if (!word.In(WordList::kFunction) && !word.In(WordList::kNegation)) {
        telling.push_back({word.stem, word.facts == nullptr
                                          ? static_cast<float>(WordFacts::kHeaviest)
                                          : static_cast<float>(word.facts->weight)});
      }
      Collect(word);
    }
    for (Views* const set : {&names, &quantities, &modals, &qualifiers}) {
      SortUnique(set);
    }
    std::sort(prepositions.begin(), prepositions.end());
    for (const Telling& each : telling) {
      telling_set.push_back(each.stem);
    }
    SortUnique(&telling_set);
  }

  void Collect(const Word& word) {
    if (word.has_letter && !word.In(WordList::kFunction) && word.text != "i" &&
        ((word.capital && !word.begins_sentence) || word.capitals)) {
      names.push_back(word.stem);
    }
    past = past || (word.text.size() > 4 && word.text.ends_with("ed"));
    if (word.facts == nullptr) {
      return;
    }
    const WordFacts& known = *word.facts;
    persons |= known.person != 0 ? 1U << known.person : 0U;
    past = past || known.In(WordList::kPast);
    positive = positive || known.In(WordList::kPositive);
    negative = negative || known.In(WordList::kNegative);
    const auto add = [&](WordList list, Views* to) {
      if (known.In(list)) {
        to->push_back(word.text);
      }
    };
    add(WordList::kQuantities, &quantities);
    add(WordList::kModals, &modals);
    add(WordList::kQualifiers, &qualifiers);
    add(WordList::kPrepositions, &prepositions);
  }

  const PromptFacts& facts;
  std::vector<Telling> telling{};
  Views telling_set{};
  Views names{};
  Views quantities{};
  Views modals{};
  Views qualifiers{};
  Views prepositions{};  // with repeats
  unsigned persons = 0;
  bool past = false;
  bool positive = false;
  bool negative = false;
};

template <typename Value>
float CountLacking(const std::vector<Value>& of, const std::vector<Value>& in) {
  std::vector<Value> lacking;
  std::set_difference(of.begin(), of.end(), in.begin(), in.end(), std::back_inserter(lacking));
  return static_cast<float>(lacking.size());
}

template <typename Value>
float CountOthers(const std::vector<Value>& a, const std::vector<Value>& b) {
  return CountLacking(a, b) + CountLacking(b, a);
}

// Writes features in the order of their names.
class Writer {
 public:
  void Add(float value) { features_[at_++] = value; }
  void Add(bool value) { Add(value ? 1.0F : 0.0F); }
  void AddBoth(float a, float b) {
    Add(std::max(a, b));
    Add(std::min(a, b));
  }
  // Whether each has one that the other lacks, and whether only one has.
  void AddOthers(float a, float b) {
    Add(a > 0 && b > 0);
    Add((a > 0) != (b > 0));
  }
  const PairFeatures& features() const { return features_; }

 private:
  PairFeatures features_{};
  std::size_t at_ = 0;
};

float QuantitiesLacking(const PromptFacts& of, const PromptFacts& in) {
  return static_cast<float>(std::count_if(
      of.quantities().begin(), of.quantities().end(), [&in](const Quantity& quantity) {
        return std::none_of(in.quantities().begin(), in.quantities().end(),
                            [&](const Quantity& other) { return quantity.Agrees(other); });
      }));
}

bool HaveOtherUnits(const PromptFacts& a, const PromptFacts& b) {
  const auto units = [](const PromptFacts& facts) {
    std::vector<std::uint16_t> all;
    for (const Quantity& quantity : facts.quantities()) {
      all.push_back(quantity.unit);
    }
    std::sort(all.begin(), all.end());
    return all;
  };
  return units(a) != units(b);
}

void AddQuantities(const PromptFacts& a, const PromptFacts& b, Writer* to) {
  const float lacking_a = QuantitiesLacking(a, b);
  const float lacking_b = QuantitiesLacking(b, a);
  to->AddOthers(lacking_a, lacking_b);
  to->Add(!a.quantities().empty() && lacking_a == 0 && lacking_b == 0);
  to->Add(HaveOtherUnits(a, b));
}

void AddOpposites(const PromptFacts& a, const PromptFacts& b, Writer* to) {
  const WordTable& table = WordTable::Shared();
  bool exchanged = false;
  bool added = false;
  for (const Word& left : a.words()) {
    for (const Word& right : b.words()) {
      if (left.facts != nullptr && right.facts != nullptr && left.facts->has_opposite &&
          right.facts->has_opposite && table.AreOpposites(left.text, right.text)) {
        const auto has = [](const PromptFacts& facts, std::string_view stem) {
          return std::binary_search(facts.stems().begin(), facts.stems().end(), stem);
        };
        const bool lone_left = !has(b, left.stem);
        const bool lone_right = !has(a, right.stem);
        exchanged = exchanged || (lone_left && lone_right);
        added = added || lone_left || lone_right;
      }
    }
  }
  to->Add(exchanged);
  to->Add(added);
}

bool AsksYesNo(Question question) {
  return question >= Question::kYesNo;
}

void AddQuestions(Question a, Question b, Writer* to) {
  to->Add(a == b);
  to->Add(AsksYesNo(a) != AsksYesNo(b));
  for (const Question each :
       {Question::kWhy, Question::kHowTo, Question::kHowMuch, Question::kWhen, Question::kWhere,
        Question::kWho, Question::kDefine, Question::kCompare, Question::kWhat}) {
    to->Add((a == each) != (b == each));
  }
}

void AddSmallWords(const Side& a, const Side& b, Writer* to) {
  const unsigned other = a.persons ^ b.persons;
  to->Add(static_cast<float>(std::popcount(other)));
  to->Add((other & (1U << 1U)) != 0);
  to->Add(static_cast<float>(std::popcount(other & (1U << 3U | 1U << 5U))));
  to->Add(CountOthers(a.quantities, b.quantities));
  to->Add(CountOthers(a.modals, b.modals));
  to->Add(a.past != b.past);
  to->AddBoth(CountLacking(a.prepositions, b.prepositions),
              CountLacking(b.prepositions, a.prepositions));
  const PromptFacts& left = a.facts;
  const PromptFacts& right = b.facts;
  to->Add(left.male() != right.male() || left.female() != right.female());
  to->Add((left.male() && !left.female() && right.female() && !right.male()) ||
          (left.female() && !left.male() && right.male() && !right.female()));
  to->Add((a.positive && !a.negative && b.negative && !b.positive) ||
          (a.negative && !a.positive && b.positive && !b.negative));
  to->Add(a.negative != b.negative);
  to->Add(CountOthers(a.qualifiers, b.qualifiers));
  to->Add(left.text().other_script() != right.text().other_script());
  to->Add(std::abs(static_cast<float>(left.text().sentences()) -
                   static_cast<float>(right.text().sentences())));
}

struct Lacking {
  float weight = 0;    // of all words that the other lacks
  float heaviest = 0;  // of one
  float count = 0;
};

Lacking LackingOf(const Side& of, const Side& in) {
  Lacking lacking;
  Views seen;
  for (const Telling& each : of.telling) {
    if (!std::binary_search(in.telling_set.begin(), in.telling_set.end(), each.stem) &&
        std::find(seen.begin(), seen.end(), each.stem) == seen.end()) {
      seen.push_back(each.stem);
      lacking.weight += each.weight;
      lacking.heaviest = std::max(lacking.heaviest, each.weight);
      ++lacking.count;
    }
  }
  return lacking;
}

// The share of pairs of shared words that stand in another order.
float InversionsOf(const Side& a, const Side& b) {
  const std::span<const Telling> here(a.telling.data(), std::min(a.telling.size(), kMostOrdered));
  const std::span<const Telling> others(b.telling.data(), std::min(b.telling.size(), kMostOrdered));
  std::vector<std::size_t> places;
  Views seen;
  for (const Telling& each : here) {
    const auto there = std::find_if(others.begin(), others.end(), [&each](const Telling& other) {
      return other.stem == each.stem;
    });
    if (there != others.end() && std::find(seen.begin(), seen.end(), each.stem) == seen.end()) {
      seen.push_back(each.stem);
      places.push_back(static_cast<std::size_t>(there - others.begin()));
    }
  }
  std::size_t inversions = 0;
  for (std::size_t i = 0; i < places.size(); ++i) {
    inversions += static_cast<std::size_t>(
        std::count_if(places.begin() + static_cast<std::ptrdiff_t>(i), places.end(),
                      [&](std::size_t place) { return place < places[i]; }));
  }
  const std::size_t pairs =
      places.size() * (places.size() - std::min<std::size_t>(places.size(), 1)) / 2;
  return static_cast<float>(inversions) / static_cast<float>(std::max<std::size_t>(pairs, 1));
}

float ShareOfUnion(const Views& a, const Views& b) {
  const float shared = static_cast<float>(a.size()) - CountLacking(a, b);
  const float all = static_cast<float>(a.size()) + CountLacking(b, a);
  return shared / std::max(all, 1.0F);
}

void AddWords(const Side& a, const Side& b, Writer* to) {
  const Lacking left = LackingOf(a, b);
  const Lacking right = LackingOf(b, a);
  to->AddBoth(left.weight, right.weight);
  to->AddBoth(left.heaviest, right.heaviest);
  to->AddBoth(left.count, right.count);
  to->Add(ShareOfUnion(a.telling_set, b.telling_set));
  to->Add(ShareOfUnion(a.facts.stems(), b.facts.stems()));
  to->Add(a.facts.stems() == b.facts.stems());
  const float inversions = InversionsOf(a, b);
  to->Add(inversions);
  to->Add(inversions > 0 && left.count == 0 && right.count == 0);
  const auto length_a = static_cast<float>(a.facts.words().size());
  const auto length_b = static_cast<float>(b.facts.words().size());
  to->AddBoth(length_a, length_b);
  to->Add(std::min(length_a, length_b) / std::max({length_a, length_b, 1.0F}));
  to->Add(std::abs(length_a - length_b));
  const bool both = !a.facts.words().empty() && !b.facts.words().empty();
  to->Add(both && a.facts.words().front().text == b.facts.words().front().text);
}

}  // namespace

PairFeatures FeaturesOf(const PromptFacts& a, const PromptFacts& b, float cosine) {
  const Side left(a);
  const Side right(b);
  Writer to;
  to.Add(cosine);
  AddQuantities(a, b, &to);
  to.AddOthers(CountLacking(a.places(), b.places()), CountLacking(b.places(), a.places()));
  const auto lacking_names = [](const Side& of, const Side& in) {
    return static_cast<float>(
        std::count_if(of.names.begin(), of.names.end(), [&in](std::string_view stem) {
          return !std::binary_search(in.facts.stems().begin(), in.facts.stems().end(), stem);
        }));
  };
  const float names_left = lacking_names(left, right);
  const float names_right = lacking_names(right, left);
  to.Add(names_left > 0 && names_right > 0);
  to.AddBoth(names_left, names_right);
  to.Add(a.negations() % 2 != b.negations() % 2);
  to.Add(a.negations() != b.negations());
  AddOpposites(a, b, &to);
  AddQuestions(a.question(), b.question(), &to);
  AddSmallWords(left, right, &to);
  AddWords(left, right, &to);
  return to.features();
}

}  // namespace nearhit
