#include "engine/model/text_normalizer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "engine/model/unicode.h"

namespace nearhit {
namespace {

constexpr char kDropped = '\x7F';  // a control character itself, so never the result of cleaning

bool IsAscii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}

char LowerAscii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

void Apply(const BertNormalizer& step, std::string* text) {
  std::string out;
  out.reserve(text->size() + text->size() / 8);
  step.Append(*text, &out);
  *text = std::move(out);
}

void Apply(const LowercaseStep& /*step*/, std::string* text) {
  std::string out;
  out.reserve(text->size());
  for (std::size_t position = 0; position < text->size();) {
    AppendLowerCase(DecodeUtf8(*text, &position), &out);
  }
  *text = std::move(out);
}

void Apply(const StripStep& step, std::string* text) {
  std::size_t begin = text->size();
  std::size_t end = 0;
  for (std::size_t position = 0; position < text->size();) {
    const std::size_t start = position;
    if (!IsWhiteSpace(DecodeUtf8(*text, &position))) {
      begin = std::min(begin, start);
      end = position;
    }
  }
  if (!step.left && !step.right) {
    return;
  }
  if (begin >= end) {  // nothing but white space
    text->clear();
    return;
  }
  text->resize(step.right ? end : text->size());
  text->erase(0, step.left ? begin : 0);
}

void Apply(const ReplaceStep& step, std::string* text) {
  std::size_t found = text->find(step.pattern);
  if (found == std::string::npos) {
    return;
  }
  std::string out;
  out.reserve(text->size() + 16 * step.content.size());
  std::size_t done = 0;
  for (; found != std::string::npos; found = text->find(step.pattern, done)) {
    out.append(*text, done, found - done).append(step.content);
    done = found + step.pattern.size();
  }
  out.append(*text, done);
  *text = std::move(out);
}

void Apply(const CollapseSpaceStep& step, std::string* text) {
  std::string out;
  out.reserve(text->size());
  bool in_space = false;
  for (std::size_t position = 0; position < text->size();) {
    const std::size_t start = position;
    const bool space = IsWhiteSpace(DecodeUtf8(*text, &position));
    if (!space) {
      out.append(*text, start, position - start);
    } else if (!in_space) {
      out.append(step.content);
    }
    in_space = space;
  }
  *text = std::move(out);
}

}  // namespace

BertNormalizer::BertNormalizer(const BertNormalizerOptions& options) : options_(options) {
  for (std::size_t i = 0; i < ascii_.size(); ++i) {
    const auto c = static_cast<char>(i);
    const std::uint8_t flags = UnicodeFlags(static_cast<std::uint32_t>(i));
    ascii_[i] = options.lower_case ? LowerAscii(c) : c;
    if (options.clean_text && (flags & kUnicodeSpace) != 0) {
      ascii_[i] = ' ';
    }
    if (options.clean_text && (flags & kUnicodeRemoved) != 0) {
      ascii_[i] = kDropped;
    }
  }
}

void BertNormalizer::Append(std::string_view text, std::string* out) const {
  std::vector<Mark> marks;
  for (std::size_t position = 0; position < text.size();) {
    if (!IsAscii(text[position])) {
      AppendWide(DecodeUtf8(text, &position), &marks, out);
      continue;
    }
    const char c = ascii_[static_cast<unsigned char>(text[position])];
    ++position;
    if (c == kDropped && options_.clean_text) {
      continue;
    }
    if (!marks.empty()) {
      Flush(&marks, out);
    }
    out->push_back(c);
  }
  Flush(&marks, out);
}

void BertNormalizer::AppendWide(std::uint32_t c, std::vector<Mark>* marks, std::string* out) const {
  const std::uint8_t flags = UnicodeFlags(c);
  if (options_.clean_text && (flags & kUnicodeRemoved) != 0) {
    return;
  }
  if (options_.clean_text && (flags & kUnicodeSpace) != 0) {
    Flush(marks, out);
    out->push_back(' ');
    return;
  }
  const bool alone = options_.ideograph_spaces && (flags & kUnicodeIdeograph) != 0;
  if (alone) {
    Flush(marks, out);
    out->push_back(' ');
  }
  if (options_.strip_accents) {
    AppendDecomposed(c, marks, out);
  } else {
    AppendOne(c, out);
  }
  if (alone) {
    Flush(marks, out);
    out->push_back(' ');
  }
}

// Marks are kept back until the next code point that starts a new run, and sorted then: a
// nonspacing mark goes away, but one that was between two others decided their order.
void BertNormalizer::AppendDecomposed(std::uint32_t c, std::vector<Mark>* marks,
                                      std::string* out) const {
  if ((UnicodeFlags(c) & kUnicodeReordered) == 0) {
    Flush(marks, out);
    AppendOne(c, out);
    return;
  }
  std::array<std::int32_t, kMaxDecomposition> parts{};
  const std::size_t count = CanonicalDecomposition(c, parts);
  for (std::size_t i = 0; i < count; ++i) {
    const auto part = static_cast<std::uint32_t>(parts[i]);
    const int combining_class = CombiningClass(part);
    if (combining_class == 0) {
      Flush(marks, out);
      AppendOne(part, out);
    } else {
      marks->push_back({combining_class, part});
    }
  }
}

void BertNormalizer::Flush(std::vector<Mark>* marks, std::string* out) const {
  if (marks->size() > 1) {
    std::stable_sort(marks->begin(), marks->end(), [](const Mark& a, const Mark& b) {
      return a.combining_class < b.combining_class;
    });
  }
  for (const Mark& mark : *marks) {
    AppendOne(mark.c, out);
  }
  marks->clear();
}

void BertNormalizer::AppendOne(std::uint32_t c, std::string* out) const {
  if (options_.strip_accents && (UnicodeFlags(c) & kUnicodeAccent) != 0) {
    return;
  }
  if (options_.lower_case) {
    AppendLowerCase(c, out);
  } else {
    AppendUtf8(c, out);
  }
}

TextNormalizer::TextNormalizer(const std::vector<NormalizerStep>& steps) {
  for (const NormalizerStep& step : steps) {
    if (const auto* bert = std::get_if<BertNormalizerOptions>(&step)) {
      steps_.emplace_back(BertNormalizer(*bert));
    } else if (const auto* lower = std::get_if<LowercaseStep>(&step)) {
      steps_.emplace_back(*lower);
    } else if (const auto* strip = std::get_if<StripStep>(&step)) {
      steps_.emplace_back(*strip);
    } else if (const auto* replace = std::get_if<ReplaceStep>(&step)) {
      NEARHIT_CHECK(!replace->pattern.empty());
      steps_.emplace_back(*replace);
    } else if (const auto* collapse = std::get_if<CollapseSpaceStep>(&step)) {
      steps_.emplace_back(*collapse);
    }
  }
}

void TextNormalizer::Normalize(std::string_view text, std::string* out) const {
  std::size_t next = 0;
  if (!steps_.empty() && std::holds_alternative<BertNormalizer>(steps_.front())) {
    out->reserve(text.size() + text.size() / 8);
    std::get<BertNormalizer>(steps_.front()).Append(text, out);
    next = 1;
  } else {
    out->assign(text);
  }
  for (; next < steps_.size(); ++next) {
    std::visit([out](const auto& step) { Apply(step, out); }, steps_[next]);
  }
}

}  // namespace nearhit
