#include "formats/text_decoder.h"

#include <algorithm>
#include <array>

#include "base/file.h"

namespace nearhit {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::string_view bytes;
  std::string_view what;  // with what to do
};

constexpr std::array<Signature, 14> kSignatures = {{
    {"\xff\xfe\0\0"sv, "is UTF-32 text; save it as UTF-8"},
    {"\0\0\xfe\xff"sv, "is UTF-32 text; save it as UTF-8"},
    {"PK\x03\x04"sv, "is a zip archive or an Excel workbook; unpack it, or save the sheet as CSV"},
    {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"sv, "is an Excel workbook; save the sheet as CSV"},
    {"\x1f\x8b"sv, "is gzip within gzip; unpack it once"},
    {"\x28\xb5\x2f\xfd"sv, "is compressed with zstd; unpack it, or compress it with gzip"},
    {"BZh91AY&SY"sv, "is compressed with bzip2; unpack it, or compress it with gzip"},
    {"\xfd"
     "7zXZ\0"sv,
     "is compressed with xz; unpack it, or compress it with gzip"},
    {"\x04\x22\x4d\x18"sv, "is compressed with lz4; unpack it, or compress it with gzip"},
    {"7z\xbc\xaf\x27\x1c"sv, "is a 7z archive; unpack it"},
    {"PAR1\x15"sv, "is a Parquet file; write it as CSV or JSON lines"},
    {"ARROW1\0\0"sv, "is an Arrow file; write it as CSV or JSON lines"},
    {"SQLite format 3"sv, "is an SQLite database; write the table as CSV or JSON lines"},
    {"\x93NUMPY"sv, "is an npy file of numbers, not text"},
}};

// Text in UTF-16 has zeros in every second byte and hardly elsewhere, at its beginning or in many
// places. Returns the place of the zeros, 0 or 1; 2 when it is not UTF-16.
std::size_t PlaceOfZeros(std::string_view sample) {
  std::array<std::size_t, 2> zeros{};
  for (std::size_t i = 0; i < sample.size(); ++i) {
    zeros[i % 2] += sample[i] == '\0' ? 1 : 0;
  }
  const std::size_t place = zeros[0] > zeros[1] ? 0 : 1;
  if (sample.size() < 4 || zeros[place] == 0) {
    return 2;
  }
  const bool begins_so = sample[place] == '\0' && sample[1 - place] != '\0' &&
                         sample[2 + place] == '\0' && sample[3 - place] != '\0';
  const bool mostly = zeros[place] * 8 >= sample.size() && zeros[1 - place] * 8 <= zeros[place];
  return begins_so || mostly ? place : 2;
}

void AppendUtf8(std::uint32_t code, std::string* out) {
  const auto put = [out](std::uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6U));
    put(0x80 | (code & 0x3FU));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12U));
    put(0x80 | ((code >> 6U) & 0x3FU));
    put(0x80 | (code & 0x3FU));
  } else {
    put(0xF0 | (code >> 18U));
    put(0x80 | ((code >> 12U) & 0x3FU));
    put(0x80 | ((code >> 6U) & 0x3FU));
    put(0x80 | (code & 0x3FU));
  }
}

}  // namespace

Status TextDecoder::Begin(std::string_view sample, const std::string& name) {
  for (const Signature& signature : kSignatures) {
    if (sample.starts_with(signature.bytes)) {
      return FailedPrecondition(name + ": " + std::string(signature.what));
    }
  }
  constexpr std::size_t kTarMagicAt = 257;
  if (sample.size() > kTarMagicAt && sample.substr(kTarMagicAt).starts_with("ustar")) {
    return FailedPrecondition(name + ": is a tar archive; unpack it");
  }
  if (IsGitLfsPointer(sample)) {
    return FailedPrecondition(name + ": " + std::string(kGitLfsAdvice));
  }
  if (sample.starts_with("\xef\xbb\xbf")) {
    skip_ = 3;
  } else if (sample.starts_with("\xff\xfe")) {
    encoding_ = Encoding::kUtf16Little;
    skip_ = 2;
  } else if (sample.starts_with("\xfe\xff")) {
    encoding_ = Encoding::kUtf16Big;
    skip_ = 2;
  } else if (const std::size_t place = PlaceOfZeros(sample); place < 2) {
    encoding_ = place == 0 ? Encoding::kUtf16Big : Encoding::kUtf16Little;
  }
  return {};
}

void TextDecoder::TakeUnit(std::uint32_t unit, std::string* out) {
  const bool low = unit >= 0xDC00 && unit < 0xE000;
  if (high_ != 0 && low) {
    AppendUtf8(0x10000 + ((high_ - 0xD800) << 10U) + (unit - 0xDC00), out);
    high_ = 0;
    return;
  }
  if (high_ != 0) {
    AppendUtf8(high_, out);
    high_ = 0;
  }
  if (unit >= 0xD800 && unit < 0xDC00) {
    high_ = unit;
    return;
  }
  AppendUtf8(unit, out);
}

void TextDecoder::Decode(std::string_view bytes, std::string* out) {
  const std::size_t skipped = std::min(skip_, bytes.size());
  skip_ -= skipped;
  bytes.remove_prefix(skipped);
  if (encoding_ == Encoding::kUtf8) {
    out->append(bytes);
    return;
  }
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (has_half_) {
      const std::uint32_t first = half_;
      const std::uint32_t second = byte;
      TakeUnit(
          encoding_ == Encoding::kUtf16Little ? first | (second << 8U) : (first << 8U) | second,
          out);
    }
    half_ = byte;
    has_half_ = !has_half_;
  }
}

void TextDecoder::Finish(std::string* out) {
  if (high_ != 0) {
    AppendUtf8(high_, out);
    high_ = 0;
  }
  if (has_half_) {
    out->push_back('\xff');
    has_half_ = false;
  }
}

}  // namespace nearhit
