#include "engine/embedding/lexical_features.h"

#include <algorithm>
#include <array>

#include <utf8proc.h>

#include "base/hash.h"
#include "base/utf8.h"

namespace nearhit {
namespace {

// Every constant below is part of "lexical/v1": vectors made with it are stored.
constexpr std::uint64_t kWordSeed = 1;
constexpr std::uint64_t kPairSeed = 2;
constexpr std::uint64_t kCharacterSeed = 3;
constexpr std::uint64_t kFallbackSeed = 4;

constexpr std::size_t kMinGram = 3;
constexpr std::size_t kMaxGram = 5;

// Weight of a word by its length in code points: long words carry more meaning than short ones, in
// most languages and without a list of any.
constexpr std::array<std::uint32_t, 9> kWordWeights = {0, 5, 10, 20, 50, 70, 90, 110, 130};
// A number decides what a question is about, however short it is.
constexpr std::uint32_t kNumberWeight = 130;
// Ideographs and symbols are words of their own, each about half as telling as a long word.
constexpr std::uint32_t kAloneWeight = 60;
constexpr std::uint32_t kPairPercent = 50;  // of the mean of its words
// A word has about three n-grams for each letter, so that they too add up with its length.
constexpr std::uint32_t kCharacterWeight = 20;
constexpr std::uint32_t kFallbackWeight = 100;

constexpr auto kNormalForm = static_cast<utf8proc_option_t>(
    UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
// What one code point decomposes to has at most 18 (U+FDFA).
constexpr std::size_t kMostOfOne = 32;

enum class Shape : std::uint8_t {
  kSeparator,
  kLetter,   // joins its neighbours to a word; marks count as letters
  kDigit,    // the same, and makes the word a number
  kAlone,    // a word of its own: symbols ("C++", "$") and scripts written without spaces
  kInner,    // an apostrophe: dropped between letters, else a separator
  kDecimal,  // a point or comma: kept between digits, else a separator
};

// Ideographs and kana: nothing separates their words, so each stands alone and pairs do the work.
bool IsUnspacedScript(utf8proc_int32_t c) {
  return (c >= 0x3040 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x20000 && c <= 0x3FFFF);
}

Shape ShapeOfCategory(utf8proc_int32_t c) {
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return IsUnspacedScript(c) ? Shape::kAlone : Shape::kLetter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return Shape::kDigit;
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SK:
    case UTF8PROC_CATEGORY_SO:
      return Shape::kAlone;
    default:
      return Shape::kSeparator;
  }
}

Shape ShapeOf(utf8proc_int32_t c) {
  if (c >= 'a' && c <= 'z') {
    return Shape::kLetter;
  }
  if (c == '\'' || c == 0x2019) {
    return Shape::kInner;
  }
  if (c == '.' || c == ',') {
    return Shape::kDecimal;
  }
  if (c == '#' || c == '%') {  // punctuation by category, but "C#" is not "C"
    return Shape::kAlone;
  }
  return ShapeOfCategory(c);
}

// Decodes one code point of valid UTF-8 at `*position` and moves past it.
utf8proc_int32_t Next(std::string_view text, std::size_t* position) {
  const auto first = static_cast<unsigned char>(text[*position]);
  if (first < 0x80) {
    ++*position;
    return first;
  }
  utf8proc_int32_t c = 0;
  const std::string_view rest = text.substr(*position);
  const auto size =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(rest.data()),
                       static_cast<utf8proc_ssize_t>(std::min<std::size_t>(rest.size(), 4)), &c);
  *position += size > 0 ? static_cast<std::size_t>(size) : 1;
  return c;
}

std::uint32_t WeightOf(std::size_t length, bool number, bool alone) {
  if (number) {
    return kNumberWeight;
  }
  return alone ? kAloneWeight : kWordWeights[std::min(length, kWordWeights.size() - 1)];
}

std::uint32_t Percent(std::uint32_t weight, std::uint32_t percent) {
  return std::max<std::uint32_t>(weight * percent / 100, 1);
}

}  // namespace

Status LexicalFeatures::Extract(std::string_view text) {
  features_.clear();
  NEARHIT_RETURN_IF_ERROR(Normalise(text));
  Split();
  AddWords();
  if (features_.empty()) {
    AddFallback();
  }
  return Status();
}

Status LexicalFeatures::Normalise(std::string_view text) {
  const bool ascii = std::all_of(text.begin(), text.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii) {  // the same result as below, several times faster
    normal_.assign(text);
    for (char& c : normal_) {
      c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return Status();
  }
  if (!IsValidUtf8(text)) {
    return InvalidArgument("text of " + std::to_string(text.size()) + " bytes is not valid UTF-8");
  }
  Decompose(text);
  OrderMarks();
  const auto count = static_cast<utf8proc_ssize_t>(code_points_.size());
  code_points_.push_back(0);  // utf8proc ends the bytes that it writes there with a zero
  const utf8proc_ssize_t size = utf8proc_reencode(code_points_.data(), count, kNormalForm);
  if (size < 0) {
    return InvalidArgument("text of " + std::to_string(text.size()) +
                           " bytes cannot be normalised: " + utf8proc_errmsg(size));
  }
  normal_.assign(reinterpret_cast<const char*>(code_points_.data()),
                 static_cast<std::size_t>(size));
  return Status();
}

void LexicalFeatures::Decompose(std::string_view text) {
  code_points_.clear();
  int last_boundary = UTF8PROC_BOUNDCLASS_START;
  for (std::size_t at = 0; at < text.size();) {
    const utf8proc_int32_t c = Next(text, &at);
    const std::size_t size = code_points_.size();
    code_points_.resize(size + kMostOfOne);
    const utf8proc_ssize_t added = utf8proc_decompose_char(c, code_points_.data() + size,
                                                           kMostOfOne, kNormalForm, &last_boundary);
    code_points_.resize(size + static_cast<std::size_t>(std::max<utf8proc_ssize_t>(added, 0)));
  }
}

// Canonical ordering (Unicode 15, D109). utf8proc's own takes the square of the time for a long run
// of marks in the wrong order.
void LexicalFeatures::OrderMarks() {
  const auto is_mark = [](utf8proc_int32_t c) {
    return utf8proc_get_property(c)->combining_class != 0;
  };
  for (auto at = code_points_.begin(); at != code_points_.end();) {
    const auto first = std::find_if(at, code_points_.end(), is_mark);
    at = std::find_if_not(first, code_points_.end(), is_mark);
    if (at - first > 1) {
      std::stable_sort(first, at, [](utf8proc_int32_t a, utf8proc_int32_t b) {
        return utf8proc_get_property(a)->combining_class <
               utf8proc_get_property(b)->combining_class;
      });
    }
  }
}

void LexicalFeatures::Split() {
  padded_.assign(1, ' ');
  starts_.assign(1, 0);
  words_.clear();
  Shape before =
      Shape::kSeparator;  // shape of the last code point of the open word, if one is open
  Word word{};
  const auto close = [&] {
    if (before != Shape::kSeparator) {
      word.last = starts_.size();
      words_.push_back(word);
      starts_.push_back(padded_.size());
      padded_.push_back(' ');
      before = Shape::kSeparator;
    }
  };
  const std::string_view text = normal_;
  for (std::size_t position = 0; position < text.size();) {
    const std::size_t start = position;
    Shape shape = ShapeOf(Next(text, &position));
    if (shape == Shape::kInner || shape == Shape::kDecimal) {
      std::size_t peek = position;
      const Shape after = peek < text.size() ? ShapeOf(Next(text, &peek)) : Shape::kSeparator;
      const Shape wanted = shape == Shape::kInner ? Shape::kLetter : Shape::kDigit;
      const bool joins = before == wanted && after == wanted;
      if (joins && shape == Shape::kInner) {
        continue;
      }
      shape = joins ? Shape::kDigit : Shape::kSeparator;
    }
    if (shape == Shape::kSeparator || shape == Shape::kAlone) {
      close();
    }
    if (shape == Shape::kSeparator) {
      continue;
    }
    if (before == Shape::kSeparator) {
      word = Word{
          .first = starts_.size(), .last = 0, .number = false, .alone = shape == Shape::kAlone};
    }
    word.number = word.number || shape == Shape::kDigit;
    starts_.push_back(padded_.size());
    padded_.append(text.substr(start, position - start));
    before = shape;
    if (shape == Shape::kAlone) {
      close();
    }
  }
  close();
  starts_.push_back(padded_.size());
}

void LexicalFeatures::AddWords() {
  std::uint32_t weight_before = 0;
  for (std::size_t i = 0; i < words_.size(); ++i) {
    const Word& word = words_[i];
    const std::uint32_t weight = WeightOf(word.last - word.first, word.number, word.alone);
    features_.push_back({Hash64(Slice(word.first, word.last), kWordSeed), weight});
    if (i > 0) {
      features_.push_back({Hash64(Slice(words_[i - 1].first, word.last), kPairSeed),
                           Percent((weight + weight_before) / 2, kPairPercent)});
    }
    AddCharacters(word);
    weight_before = weight;
  }
}

void LexicalFeatures::AddCharacters(const Word& word) {
  const std::size_t first = word.first - 1;  // with both spaces
  const std::size_t last = word.last + 1;
  for (std::size_t size = kMinGram; size <= kMaxGram; ++size) {
    for (std::size_t start = first; start + size <= last; ++start) {
      features_.push_back({Hash64(Slice(start, start + size), kCharacterSeed), kCharacterWeight});
    }
  }
}

// No word at all: white space and punctuation. The whole and its code points, so that "?" and "!!"
// are two vectors and neither is zero.
void LexicalFeatures::AddFallback() {
  features_.push_back({Hash64(normal_, kFallbackSeed), kFallbackWeight});
  for (std::size_t position = 0; position < normal_.size();) {
    const std::size_t start = position;
    Next(normal_, &position);
    features_.push_back(
        {Hash64(std::string_view(normal_).substr(start, position - start), kFallbackSeed + 1),
         kFallbackWeight});
  }
}

}  // namespace nearhit
