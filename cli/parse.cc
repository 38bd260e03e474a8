#include "cli/parse.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <system_error>
#include <type_traits>

#include "formats/vector_file.h"

namespace nearhit {
namespace {

static_assert(std::endian::native == std::endian::little, "vectors travel in native order");

constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

Result<std::int64_t> ParseDurationMs(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  std::int64_t unit_ms = 0;
  if (unit.empty() || unit == "ms") {
    unit_ms = 1;
  } else if (unit == "s") {
    unit_ms = 1'000;
  } else if (unit == "m") {
    unit_ms = 60'000;
  } else if (unit == "h") {
    unit_ms = 3'600'000;
  } else if (unit == "d") {
    unit_ms = 86'400'000;
  }
  if (error != std::errc{} || unit_ms == 0 || count < 0 ||
      count > std::numeric_limits<std::int64_t>::max() / unit_ms) {
    return InvalidArgument("'" + std::string(text) +
                           "' is not a duration (500ms, 30s, 15m, 12h, 7d)");
  }
  return count * unit_ms;
}

template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  const std::size_t first = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  text = text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
  if (text.starts_with('+') && !text.starts_with("+-")) {
    text.remove_prefix(1);
  }
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end != text.data() + text.size() || error == std::errc::invalid_argument) {
    return std::nullopt;
  }
  if (error == std::errc::result_out_of_range) {  // which does not tell too small from too large
    const std::string terminated(text);
    number = std::is_same_v<Number, float>
                 ? static_cast<Number>(std::strtof(terminated.c_str(), nullptr))
                 : static_cast<Number>(std::strtod(terminated.c_str(), nullptr));
  }
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

template std::optional<float> ParseNumber<float>(std::string_view text);
template std::optional<double> ParseNumber<double>(std::string_view text);

Result<std::vector<float>> ParseVector(std::string_view text) {
  if (text.starts_with('@')) {
    NEARHIT_ASSIGN_OR_RETURN(const VectorMatrix matrix, ReadVectorFile(text.substr(1), 1));
    if (matrix.rows == 0) {
      return InvalidArgument(std::string(text.substr(1)) + " holds no vector");
    }
    return std::vector<float>(matrix.row(0).begin(), matrix.row(0).end());
  }
  std::vector<float> vector;
  constexpr std::string_view kBetween = " ,;[]\t\r\n";
  for (std::size_t at = text.find_first_not_of(kBetween); at != std::string_view::npos;
       at = text.find_first_not_of(kBetween, at)) {
    const std::size_t end = std::min(text.find_first_of(kBetween, at), text.size());
    const std::optional<float> value = ParseNumber<float>(text.substr(at, end - at));
    if (!value) {
      return InvalidArgument("component " + std::to_string(vector.size()) +
                             " of the vector is not a number");
    }
    vector.push_back(*value);
    at = end;
  }
  if (vector.empty()) {
    return InvalidArgument("the vector is empty");
  }
  return vector;
}

std::string EncodeVector(std::span<const float> vector) {
  std::string bytes(vector.size_bytes(), '\0');
  if (!vector.empty()) {
    std::memcpy(bytes.data(), vector.data(), bytes.size());
  }
  return bytes;
}

std::vector<float> DecodeVector(std::string_view bytes) {
  std::vector<float> vector(bytes.size() / sizeof(float));
  if (!vector.empty()) {
    std::memcpy(vector.data(), bytes.data(), vector.size() * sizeof(float));
  }
  return vector;
}

std::string EncodeBase64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view group = bytes.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = (bits << 8U) | (i < group.size() ? static_cast<unsigned char>(group[i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text += i <= group.size() ? kBase64Digits[(bits >> (18 - 6 * i)) & 63U] : '=';
    }
  }
  return text;
}

Result<std::string> DecodeBase64(std::string_view text) {
  if (text.size() % 4 != 0) {
    return InvalidArgument("base64 text has a length that is no multiple of 4");
  }
  const std::size_t padding = text.ends_with("==") ? 2 : (text.ends_with('=') ? 1 : 0);
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool padded = i >= text.size() - padding;
    const std::size_t digit = padded ? 0 : kBase64Digits.find(text[i]);
    if (digit == std::string_view::npos) {
      return InvalidArgument("base64 text has a wrong character at " + std::to_string(i));
    }
    bits = (bits << 6U) | static_cast<std::uint32_t>(digit);
    if (i % 4 == 3) {
      bytes +=
          {static_cast<char>(bits >> 16U), static_cast<char>(bits >> 8U), static_cast<char>(bits)};
      bits = 0;
    }
  }
  bytes.resize(bytes.size() - padding);
  return bytes;
}

std::vector<std::string> SplitList(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    std::string_view part = text.substr(0, end);
    const std::size_t first = part.find_first_not_of(" \t");
    if (first != std::string_view::npos) {
      part = part.substr(first, part.find_last_not_of(" \t") - first + 1);
      parts.emplace_back(part);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

}  // namespace nearhit
