#include "engine/embedding/embedding_json.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <nlohmann/json.hpp>

namespace nearhit {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostAnswerBytes = std::size_t{256} << 20;
constexpr std::size_t kAnswerOverheadBytes = std::size_t{1} << 20;
constexpr std::size_t kBytesPerComponent = 64;  // a double of 25 characters, a comma, indentation

Status ParseRow(const Json& item, std::size_t position, std::span<float> row) {
  const auto values = item.find("embedding");
  if (values == item.end() || !values->is_array()) {
    return Unavailable("answer's item " + std::to_string(position) + " has no array \"embedding\"");
  }
  if (values->size() != row.size()) {
    return Unavailable("answer's item " + std::to_string(position) + " has " +
                       std::to_string(values->size()) + " components, not the dimension " +
                       std::to_string(row.size()));
  }
  for (std::size_t i = 0; i < row.size(); ++i) {
    const Json& value = (*values)[i];
    const double number =
        value.is_number() ? value.get<double>() : std::numeric_limits<double>::infinity();
    if (!(std::abs(number) <= static_cast<double>(std::numeric_limits<float>::max()))) {
      return Unavailable("answer's item " + std::to_string(position) + " has component " +
                         std::to_string(i) + " that is no finite float");
    }
    row[i] = static_cast<float>(number);
  }
  return Status();
}

}  // namespace

std::string EmbeddingRequest(std::string_view model, std::span<const std::string_view> texts) {
  Json input = Json::array();
  for (const std::string_view text : texts) {
    input.push_back(std::string(text));
  }
  return Json{
      {"model", std::string(model)}, {"input", std::move(input)}, {"encoding_format", "float"}}
      .dump();
}

std::size_t MaxEmbeddingAnswerBytes(std::size_t texts, std::size_t dimension) {
  return std::min(kMostAnswerBytes, kAnswerOverheadBytes + texts * dimension * kBytesPerComponent);
}

Status ParseEmbeddingAnswer(std::string_view answer, std::size_t dimension, std::span<float> rows) {
  const std::size_t count = rows.size() / dimension;
  const Json root = Json::parse(answer, nullptr, /*allow_exceptions=*/false);
  if (root.is_discarded()) {
    return Unavailable("answer of " + std::to_string(answer.size()) + " bytes is not JSON");
  }
  if (!root.is_object() || !root.contains("data") || !root["data"].is_array()) {
    return Unavailable("answer has no array \"data\"");
  }
  const Json& data = root["data"];
  if (data.size() != count) {
    return Unavailable("answer has " + std::to_string(data.size()) + " vectors for " +
                       std::to_string(count) + " texts");
  }
  std::vector<bool> seen(count, false);
  for (std::size_t position = 0; position < count; ++position) {
    const Json& item = data[position];
    if (!item.is_object()) {
      return Unavailable("answer's item " + std::to_string(position) + " is no object");
    }
    std::size_t index = position;
    if (const auto given = item.find("index"); given != item.end()) {
      index = given->is_number_unsigned() ? given->get<std::size_t>() : count;
    }
    if (index >= count || seen[index]) {
      return Unavailable("answer's item " + std::to_string(position) +
                         " has an \"index\" that is out of range or taken");
    }
    seen[index] = true;
    NEARHIT_RETURN_IF_ERROR(ParseRow(item, position, rows.subspan(index * dimension, dimension)));
  }
  return Status();
}

}  // namespace nearhit
