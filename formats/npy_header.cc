#include "formats/npy_header.h"

#include <charconv>
#include <string>
#include <system_error>

namespace nearhit {
namespace {

// What follows `'key':` in the dictionary, leading spaces removed; empty when the key is missing.
std::string_view ValueOf(std::string_view dictionary, std::string_view key) {
  for (const char quote : {'\'', '"'}) {
    const std::string quoted = quote + std::string(key) + quote;
    const std::size_t at = dictionary.find(quoted);
    if (at == std::string_view::npos) {
      continue;
    }
    std::string_view rest = dictionary.substr(at + quoted.size());
    const std::size_t colon = rest.find_first_not_of(' ');
    if (colon == std::string_view::npos || rest[colon] != ':') {
      continue;
    }
    rest.remove_prefix(colon + 1);
    const std::size_t begin = rest.find_first_not_of(' ');
    return begin == std::string_view::npos ? std::string_view{} : rest.substr(begin);
  }
  return {};
}

Result<std::size_t> ParseDescr(std::string_view value) {
  const std::size_t end = value.empty() ? std::string_view::npos : value.find(value.front(), 1);
  if (end == std::string_view::npos || (value.front() != '\'' && value.front() != '"')) {
    return InvalidArgument("npy header has no plain descr (structured arrays are not read)");
  }
  const std::string_view descr = value.substr(1, end - 1);
  if (descr == "<f2") {
    return std::size_t{2};
  }
  if (descr == "<f4") {
    return std::size_t{4};
  }
  if (descr == "<f8") {
    return std::size_t{8};
  }
  return InvalidArgument("npy dtype '" + std::string(descr) +
                         "' is not read, only '<f2', '<f4', '<f8'");
}

// Takes a decimal number off the front of `text`, with the spaces around it.
bool TakeNumber(std::string_view* text, std::uint64_t* number) {
  while (!text->empty() && text->front() == ' ') {
    text->remove_prefix(1);
  }
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), *number);
  if (error != std::errc{}) {
    return false;
  }
  text->remove_prefix(static_cast<std::size_t>(end - text->data()));
  while (!text->empty() && text->front() == ' ') {
    text->remove_prefix(1);
  }
  return true;
}

bool TakeChar(std::string_view* text, char wanted) {
  if (text->empty() || text->front() != wanted) {
    return false;
  }
  text->remove_prefix(1);
  return true;
}

}  // namespace

Result<NpyHeader> ParseNpyHeader(std::string_view dictionary) {
  NpyHeader header;
  NEARHIT_ASSIGN_OR_RETURN(header.component_bytes, ParseDescr(ValueOf(dictionary, "descr")));
  const std::string_view order = ValueOf(dictionary, "fortran_order");
  if (order.starts_with("True")) {
    return InvalidArgument("npy array is in Fortran order; save it with numpy.ascontiguousarray");
  }
  if (!order.starts_with("False")) {
    return InvalidArgument("npy header has no fortran_order");
  }
  std::string_view shape = ValueOf(dictionary, "shape");
  if (!TakeChar(&shape, '(') || !TakeNumber(&shape, &header.rows) || !TakeChar(&shape, ',') ||
      !TakeNumber(&shape, &header.dimension)) {
    return InvalidArgument("npy array must have two dimensions (rows, components)");
  }
  TakeChar(&shape, ',');
  while (TakeChar(&shape, ' ')) {
  }
  if (!TakeChar(&shape, ')')) {
    return InvalidArgument("npy array must have two dimensions (rows, components)");
  }
  return header;
}

}  // namespace nearhit
