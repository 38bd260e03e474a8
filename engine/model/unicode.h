// What the tokenizers ask about code points. The answers are those of the reference implementation
// (Hugging Face's `tokenizers`), which follow several versions of Unicode at once, and do not
// change with the version of a library: a tokenizer that changes would change stored vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace nearhit {

// Flags of UnicodeFlags().
inline constexpr std::uint8_t kUnicodeRemoved = 1;      // control, format, private use; U+FFFD
inline constexpr std::uint8_t kUnicodeSpace = 2;        // white space
inline constexpr std::uint8_t kUnicodeIdeograph = 4;    // an ideograph that stands alone
inline constexpr std::uint8_t kUnicodePunctuation = 8;  // general category P, and ASCII symbols
inline constexpr std::uint8_t kUnicodeAccent = 16;      // general category Mn
// Has a canonical decomposition or a combining class: NFD does something to it.
inline constexpr std::uint8_t kUnicodeReordered = 32;

// Most code points of one canonical decomposition.
inline constexpr std::size_t kMaxDecomposition = 8;

// Flags of `c`; those of U+FFFD when it is no code point. Thread-safe.
// Cost: two loads from a table of 60 KB that the first call makes.
std::uint8_t UnicodeFlags(std::uint32_t c);

// The property White_Space. Unlike kUnicodeSpace it has the controls that cleaning removes.
bool IsWhiteSpace(std::uint32_t c);

// Decodes the code point at `*position` and moves past it. A byte that begins no valid sequence is
// one U+FFFD. Requires: *position < text.size().
std::uint32_t DecodeUtf8(std::string_view text, std::size_t* position);

// Requires: `c` is a code point, no surrogate.
void AppendUtf8(std::uint32_t c, std::string* out);

// Writes the canonical decomposition of `c` and returns its length; `c` itself when it has none.
std::size_t CanonicalDecomposition(std::uint32_t c, std::span<std::int32_t, kMaxDecomposition> out);

// Canonical combining class; 0 for what NFD never moves.
int CombiningClass(std::uint32_t c);

// Appends `c` in lower case, regardless of its neighbours; one code point becomes two for U+0130.
void AppendLowerCase(std::uint32_t c, std::string* out);

}  // namespace nearhit
