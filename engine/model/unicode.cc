#include "engine/model/unicode.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include <utf8proc.h>

#include "engine/model/unicode_tables.h"

namespace nearhit {
namespace {

constexpr std::uint32_t kReplacement = 0xFFFD;
constexpr std::uint32_t kCodePoints = 0x110000;
constexpr std::uint32_t kBlock = 256;

// Upper case letters of Unicode 16 that lower case reaches and utf8proc 2.8 does not know. Later
// versions of it say the same.
struct CasePair {
  std::uint32_t upper;
  std::uint32_t lower;
};
constexpr std::array<CasePair, 5> kNewCasePairs = {
    {{0x1C89, 0x1C8A}, {0xA7CB, 0x0264}, {0xA7CC, 0xA7CD}, {0xA7DA, 0xA7DB}, {0xA7DC, 0x019B}}};
constexpr UnicodeRange kGaray = {0x10D50, 0x10D65};  // lower case is 0x20 further on
constexpr std::uint32_t kCapitalIWithDot = 0x130;

// Flags of all code points, equal blocks of 256 kept once.
class FlagTable {
 public:
  FlagTable() {
    std::string all(kCodePoints, '\0');
    Mark(RemovedRanges(), kUnicodeRemoved, &all);
    Mark(SpaceRanges(), kUnicodeSpace, &all);
    Mark(IdeographRanges(), kUnicodeIdeograph, &all);
    Mark(PunctuationRanges(), kUnicodePunctuation, &all);
    Mark(AccentRanges(), kUnicodeAccent, &all);
    Mark(ReorderedRanges(), kUnicodeReordered, &all);
    std::map<std::string_view, std::uint16_t> known;
    for (std::size_t block = 0; block < blocks_.size(); ++block) {
      const std::string_view flags = std::string_view(all).substr(block * kBlock, kBlock);
      const auto [found, added] = known.emplace(flags, static_cast<std::uint16_t>(known.size()));
      if (added) {
        flags_.insert(flags_.end(), flags.begin(), flags.end());
      }
      blocks_[block] = found->second;
    }
  }

  std::uint8_t Get(std::uint32_t c) const {
    return flags_[std::size_t{blocks_[c / kBlock]} * kBlock + c % kBlock];
  }

 private:
  static void Mark(std::span<const UnicodeRange> ranges, std::uint8_t flag, std::string* all) {
    for (const UnicodeRange range : ranges) {
      for (std::uint32_t c = range.first; c <= range.last; ++c) {
        (*all)[c] = static_cast<char>((*all)[c] | flag);
      }
    }
  }

  std::array<std::uint16_t, kCodePoints / kBlock> blocks_{};
  std::vector<std::uint8_t> flags_;
};

}  // namespace

std::uint8_t UnicodeFlags(std::uint32_t c) {
  static const FlagTable table;
  return table.Get(c < kCodePoints ? c : kReplacement);
}

bool IsWhiteSpace(std::uint32_t c) {
  return (UnicodeFlags(c) & kUnicodeSpace) != 0 || (c >= 0x0B && c <= 0x0D) || c == 0x85;
}

std::uint32_t DecodeUtf8(std::string_view text, std::size_t* position) {
  const std::string_view rest = text.substr(*position, 4);
  utf8proc_int32_t c = 0;
  const utf8proc_ssize_t size =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(rest.data()),
                       static_cast<utf8proc_ssize_t>(rest.size()), &c);
  if (size <= 0) {
    ++*position;
    return kReplacement;
  }
  *position += static_cast<std::size_t>(size);
  return static_cast<std::uint32_t>(c);
}

void AppendUtf8(std::uint32_t c, std::string* out) {
  std::array<utf8proc_uint8_t, 4> bytes{};
  const utf8proc_ssize_t size =
      utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes.data());
  out->append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(size));
}

std::size_t CanonicalDecomposition(std::uint32_t c,
                                   std::span<std::int32_t, kMaxDecomposition> out) {
  if ((UnicodeFlags(c) & kUnicodeReordered) != 0) {
    int last_boundary_class = 0;
    const utf8proc_ssize_t size = utf8proc_decompose_char(
        static_cast<utf8proc_int32_t>(c), out.data(), static_cast<utf8proc_ssize_t>(out.size()),
        static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE), &last_boundary_class);
    if (size > 0 && static_cast<std::size_t>(size) <= out.size()) {
      return static_cast<std::size_t>(size);
    }
  }
  out[0] = static_cast<std::int32_t>(c);
  return 1;
}

int CombiningClass(std::uint32_t c) {
  if ((UnicodeFlags(c) & kUnicodeReordered) == 0) {
    return 0;
  }
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
}

void AppendLowerCase(std::uint32_t c, std::string* out) {
  if (c == kCapitalIWithDot) {
    out->append("i\u0307");
    return;
  }
  if (c >= kGaray.first && c <= kGaray.last) {
    AppendUtf8(c + 0x20, out);
    return;
  }
  const auto pair = std::find_if(kNewCasePairs.begin(), kNewCasePairs.end(),
                                 [c](const CasePair& known) { return known.upper == c; });
  if (pair != kNewCasePairs.end()) {
    AppendUtf8(pair->lower, out);
    return;
  }
  AppendUtf8(static_cast<std::uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))), out);
}

}  // namespace nearhit
