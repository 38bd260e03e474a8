// One JSON object of an input file, however deep it is: its fields as values, and as they were
// written.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "nearhit/result.h"

namespace nearhit {

struct JsonRecord {
  // Objects in it are empty, lists have null where they hold lists or objects.
  nlohmann::json object = nlohmann::json::object();
  // The text of each value; into the text that was parsed.
  std::map<std::string, std::string_view, std::less<>> raw;
};

// Errors: kInvalidArgument for what is no JSON object, for a number that no double holds and for a
// field that is there twice.
Result<JsonRecord> ParseJsonRecord(std::string_view text);

}  // namespace nearhit
