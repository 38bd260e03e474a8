#include "engine/model/unicode.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "engine/model/text_normalizer.h"
#include "engine/model/unicode_tables.h"

namespace nearhit {
namespace {

std::string Lower(std::uint32_t c) {
  std::string out;
  AppendLowerCase(c, &out);
  return out;
}

TEST(UnicodeTest, TablesAscend) {
  for (const auto ranges : {RemovedRanges(), SpaceRanges(), IdeographRanges(), PunctuationRanges(),
                            AccentRanges(), ReorderedRanges()}) {
    std::uint32_t next = 0;
    for (const UnicodeRange range : ranges) {
      EXPECT_GE(range.first, next);
      EXPECT_GE(range.last, range.first);
      next = range.last + 1;
    }
    EXPECT_LE(next, 0x110000u);
  }
}

TEST(UnicodeTest, KnowsProperties) {
  EXPECT_EQ(UnicodeFlags('a'), 0);
  EXPECT_EQ(UnicodeFlags('\t'), kUnicodeSpace);
  EXPECT_EQ(UnicodeFlags(0x07), kUnicodeRemoved);
  EXPECT_EQ(UnicodeFlags('$'), kUnicodePunctuation);
  EXPECT_EQ(UnicodeFlags(0xBF), kUnicodePunctuation);
  EXPECT_EQ(UnicodeFlags(0x20AC), 0);  // a currency sign is a symbol, outside ASCII
  EXPECT_EQ(UnicodeFlags(0x4E2D), kUnicodeIdeograph);
  EXPECT_EQ(UnicodeFlags(0x0301), kUnicodeAccent | kUnicodeReordered);
  EXPECT_EQ(UnicodeFlags(0xE9), kUnicodeReordered);
  EXPECT_EQ(UnicodeFlags(0x110000), kUnicodeRemoved);
  EXPECT_EQ(UnicodeFlags(0xFFFFFFFF), kUnicodeRemoved);
}

TEST(UnicodeTest, KnowsWhiteSpace) {
  for (const std::uint32_t c : {0x09u, 0x0Bu, 0x0Cu, 0x20u, 0x85u, 0xA0u, 0x2028u, 0x3000u}) {
    EXPECT_TRUE(IsWhiteSpace(c)) << c;
  }
  for (const std::uint32_t c : {0x08u, 0x1Cu, 0x200Bu, 0xFEFFu, 0x5Fu}) {
    EXPECT_FALSE(IsWhiteSpace(c)) << c;
  }
}

TEST(UnicodeTest, LowersOneCodePointAtATime) {
  EXPECT_EQ(Lower('Q'), "q");
  EXPECT_EQ(Lower(0x130), "i\u0307");
  EXPECT_EQ(Lower(0x3A3), "\u03C3");  // no final form
  EXPECT_EQ(Lower(0x1E9E), "\u00DF");
  EXPECT_EQ(Lower(0x10D50), "\U00010D70");
  EXPECT_EQ(Lower(0xA7CB), "\u0264");
}

TEST(UnicodeTest, DecodesWhateverTheBytes) {
  const std::string text = "a\xff\xe2\x82\xe2\x82\xac\xed\xa0\x80";
  std::vector<std::uint32_t> decoded;
  for (std::size_t position = 0; position < text.size();) {
    decoded.push_back(DecodeUtf8(text, &position));
  }
  EXPECT_THAT(decoded,
              testing::ElementsAre('a', 0xFFFD, 0xFFFD, 0xFFFD, 0x20AC, 0xFFFD, 0xFFFD, 0xFFFD));
}

// Vectors are stored: a library that changes how one code point is normalised must not go
// unnoticed. bench/peers/check_tokenizer.py shows that this is what the reference does.
TEST(UnicodeTest, KeepsTheNormalFormOfEveryCodePoint) {
  const BertNormalizer normalizer{BertNormalizerOptions{}};
  const BertNormalizer cased{BertNormalizerOptions{.strip_accents = false}};
  std::string all;
  for (std::uint32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) {
      continue;
    }
    std::string text = "x";
    AppendUtf8(c, &text);
    text += "\u0334\u0301\u0327\u302E";  // marks of four combining classes
    normalizer.Append(text, &all);
    cased.Append(text, &all);
    all.push_back('\n');
  }
  EXPECT_TRUE(IsValidUtf8(all));
  EXPECT_EQ(Hash64(all), 13283896938733256123u);
}

}  // namespace
}  // namespace nearhit
