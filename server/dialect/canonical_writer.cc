#include "server/dialect/canonical_writer.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>

namespace nearhit::server {

void CanonicalWriter::Value(Element value) {
  using Type = simdjson::dom::element_type;
  switch (value.type()) {
    case Type::OBJECT:
      Members(value.get_object().value_unsafe(), [this](std::string_view name, Element member) {
        Name(name);
        Value(member);
      });
      return;
    case Type::ARRAY:
      Values(value.get_array().value_unsafe(), [this](Element item, std::size_t) { Value(item); });
      return;
    case Type::STRING:
      Text(value.get_string().value_unsafe());
      return;
    case Type::INT64:
      Digits(std::to_string(value.get_int64().value_unsafe()));
      return;
    case Type::UINT64:
      Digits(std::to_string(value.get_uint64().value_unsafe()));
      return;
    case Type::DOUBLE:
      Number(value.get_double().value_unsafe());
      return;
    case Type::BOOL:
      *out_ += value.get_bool().value_unsafe() ? 't' : 'f';
      return;
    case Type::NULL_VALUE:
      *out_ += 'n';
      return;
  }
}

void CanonicalWriter::Text(std::string_view text) {
  *out_ += 's';
  for (unsigned shift = 0; shift < 32; shift += 8) {
    *out_ += static_cast<char>((text.size() >> shift) & 0xFFU);
  }
  *out_ += text;
}

void CanonicalWriter::Digits(std::string_view text) {
  *out_ += 'i';
  *out_ += static_cast<char>(text.size());
  *out_ += text;
}

void CanonicalWriter::Number(double value) {
  // Those that may also be written as an integer that fits 64 bits.
  constexpr double kTwoTo63 = 9'223'372'036'854'775'808.0;
  if (std::trunc(value) == value && value >= -kTwoTo63 && value < 2 * kTwoTo63) {
    Digits(value < 0 ? std::to_string(static_cast<std::int64_t>(value))
                     : std::to_string(static_cast<std::uint64_t>(value)));
    return;
  }
  *out_ += 'd';
  const auto bits = std::bit_cast<std::uint64_t>(value);
  for (unsigned shift = 0; shift < 64; shift += 8) {
    *out_ += static_cast<char>((bits >> shift) & 0xFFU);
  }
}

}  // namespace nearhit::server
