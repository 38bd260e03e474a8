#include "engine/policy/word_order.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <vector>

namespace nearhit {
namespace {

// Longer texts are compared by their first words.
constexpr std::size_t kMostWords = 128;

// Where one of these stands, the order of joined things tells who does what to whom.
constexpr std::array<std::string_view, 17> kOrdering = {
    "from", "to",   "into", "than", "but", "by",   "without", "for", "not",
    "that", "when", "if",   "do",   "how", "what", "why",     "is"};
constexpr std::array<std::string_view, 15> kJoining = {"and",  "or",  "nor",  "vs", "versus",
                                                       "with", "und", "oder", "et", "ou",
                                                       "y",    "o",   "e",    "和", "と"};
// Where the order of two things says nothing.
constexpr std::array<std::string_view, 7> kEven = {"differenc", "difference", "differ", "different",
                                                   "same",      "similar",    "between"};

using Stems = std::vector<std::string_view>;

// A word that says something, and what stands beside it.
struct Placed {
  std::string_view stem;
  std::string_view before;
  std::string_view after;
  std::size_t clause = 0;
  std::size_t at = 0;  // among all words
};

bool IsArticle(std::string_view word) {
  return word == "a" || word == "an" || word == "the";
}

bool IsJoining(const Word& word) {
  return std::find(kJoining.begin(), kJoining.end(), word.text) != kJoining.end();
}

bool IsSameBag(Stems a, Stems b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  return a == b;
}

// What is left of an ending behind an apostrophe.
bool IsEnding(std::string_view word) {
  return word == "s" || word == "t" || word == "d";
}

class Text {
 public:
  explicit Text(const TextWords& text) {
    for (const Word& word : text.words()) {
      if (!IsArticle(word.text) && !IsEnding(word.text) && words_.size() < kMostWords) {
        words_.push_back(&word);
      }
    }
    for (std::size_t i = 0; i < words_.size(); ++i) {
      const Word& word = *words_[i];
      if (!word.In(WordList::kFunction)) {
        placed_.push_back({.stem = word.stem,
                           .before = Beside(i, i == 0 ? i : i - 1),
                           .after = Beside(i, i + 1),
                           .clause = word.clause,
                           .at = i});
      }
    }
  }

  const std::vector<Placed>& placed() const { return placed_; }

  // The only word of this stem; null where there are none or several.
  const Placed* Only(std::string_view stem) const {
    const Placed* found = nullptr;
    for (const Placed& each : placed_) {
      if (each.stem == stem) {
        if (found != nullptr) {
          return nullptr;
        }
        found = &each;
      }
    }
    return found;
  }

  // Nothing but joining words, and words of the same list, stand between them.
  bool AreListed(const Placed& x, const Placed& y) const {
    const auto [first, last] = std::minmax(x.at, y.at);
    bool joined = false;
    for (std::size_t i = first + 1; i < last; ++i) {
      joined = joined || IsJoining(*words_[i]);
      if (words_[i]->In(WordList::kFunction) && !IsJoining(*words_[i])) {
        return false;
      }
    }
    return joined || words_[first]->clause != words_[last]->clause;
  }

  // Whether this is the other text with what stands on both sides of a joining word exchanged.
  bool IsJoinedAs(const Text& other) const {
    const Stems here = stems();
    const Stems there = other.stems();
    const auto begin = std::mismatch(here.begin(), here.end(), there.begin(), there.end());
    const auto end = std::mismatch(here.rbegin(), here.rend(), there.rbegin(), there.rend());
    if (here.size() != there.size() || begin.first >= end.first.base()) {
      return false;
    }
    const Stems left(begin.first, end.first.base());
    const Stems right(begin.second, end.second.base());
    return std::any_of(kJoining.begin(), kJoining.end(), [&](std::string_view joining) {
      const auto in_left = std::find(left.begin(), left.end(), joining);
      const auto in_right = std::find(right.begin(), right.end(), joining);
      return in_left != left.end() && in_right != right.end() &&
             IsSameBag({left.begin(), in_left}, {in_right + 1, right.end()}) &&
             IsSameBag({in_left + 1, left.end()}, {right.begin(), in_right});
    });
  }

  // Whether both have the same words and say them in another order, more than a clause that moved
  // or the order of a list.
  bool IsReordered(const Text& other) const {
    if (!IsSameBag(stems(), other.stems()) || TellingStems() == other.TellingStems() ||
        IsMovedClauseOf(other) || other.IsMovedClauseOf(*this)) {
      return false;
    }
    return !Has(kJoining) || !other.Has(kJoining) || Has(kOrdering) || other.Has(kOrdering);
  }

  bool IsEven() const {
    return std::any_of(words_.begin(), words_.end(), [](const Word* word) {
      return std::find(kEven.begin(), kEven.end(), word->stem) != kEven.end();
    });
  }

 private:
  // The stem of the neighbour; empty where the text ends.
  std::string_view Beside(std::size_t from, std::size_t to) const {
    return to == from || to >= words_.size() ? std::string_view() : words_[to]->stem;
  }

  template <std::size_t kSize>
  bool Has(const std::array<std::string_view, kSize>& words) const {
    return std::any_of(words_.begin(), words_.end(), [&words](const Word* word) {
      return std::find(words.begin(), words.end(), word->text) != words.end();
    });
  }

  Stems TellingStems() const {
    Stems stems;
    for (const Placed& each : placed_) {
      stems.push_back(each.stem);
    }
    return stems;
  }

  // A clause that stands first here stands last in the other.
  bool IsMovedClauseOf(const Text& other) const {
    const Stems there = other.TellingStems();
    for (std::size_t i = 1; i < placed_.size(); ++i) {
      if (placed_[i].clause != placed_[i - 1].clause) {
        Stems moved = TellingStems();
        std::rotate(moved.begin(), moved.begin() + static_cast<std::ptrdiff_t>(i), moved.end());
        if (moved == there) {
          return true;
        }
      }
    }
    return false;
  }

  Stems stems() const {
    Stems stems;
    for (const Word* const word : words_) {
      stems.push_back(word->stem);
    }
    return stems;
  }

  std::vector<const Word*> words_;
  std::vector<Placed> placed_;
};

// A word that both texts have once.
struct Both {
  const Placed& here;
  const Placed& there;
};

// In the second text each of them has the neighbour that the other has in the first.
bool HaveExchangedPlaces(const Both& x, const Both& y) {
  if ((x.here.at < y.here.at) == (x.there.at < y.there.at)) {
    return false;
  }
  const bool before = !x.here.before.empty() && !y.here.before.empty() &&
                      x.here.before != y.here.before && x.there.before == y.here.before &&
                      y.there.before == x.here.before;
  const bool after = !x.here.after.empty() && !y.here.after.empty() &&
                     x.here.after != y.here.after && x.there.after == y.here.after &&
                     y.there.after == x.here.after;
  const bool ends = x.here.before == y.there.before && y.here.after == x.there.after &&
                    (x.there.before == y.here.before || y.there.after == x.here.after);
  return before || after || ends;
}

}  // namespace

bool HasExchangedWords(const TextWords& a, const TextWords& b) {
  const Text left(a);
  const Text right(b);
  if (left.IsEven() || right.IsEven() || left.IsJoinedAs(right) || right.IsJoinedAs(left)) {
    return false;
  }
  if (left.IsReordered(right)) {
    return true;
  }
  std::vector<Both> both;
  for (const Placed& here : left.placed()) {
    const Placed* const there = left.Only(here.stem) == nullptr ? nullptr : right.Only(here.stem);
    if (there != nullptr) {
      both.push_back({.here = here, .there = *there});
    }
  }
  for (std::size_t i = 0; i < both.size(); ++i) {
    for (std::size_t j = i + 1; j < both.size(); ++j) {
      if (HaveExchangedPlaces(both[i], both[j]) && !left.AreListed(both[i].here, both[j].here) &&
          !right.AreListed(both[i].there, both[j].there)) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace nearhit
