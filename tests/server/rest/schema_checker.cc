#include "tests/server/rest/schema_checker.h"

#include <algorithm>
#include <regex>
#include <set>

namespace nearhit::server {
namespace {

using Json = nlohmann::json;

const std::set<std::string>& KnownKeywords() {
  static const std::set<std::string> known = {
      "type",           "format",     "pattern",  "minimum", "maximum", "default",
      "enum",           "properties", "required", "items",   "oneOf",   "additionalProperties",
      "contentEncoding"};
  return known;
}

bool HasType(const std::string& type, const Json& value) {
  return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
         (type == "string" && value.is_string()) || (type == "boolean" && value.is_boolean()) ||
         (type == "integer" && value.is_number_integer()) ||
         (type == "number" && value.is_number());
}

bool IsBase64(const std::string& text) {
  static const std::regex form("([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?");
  return std::regex_match(text, form);
}

bool HasAll(const Json& names, const Json& value) {
  return std::all_of(names.begin(), names.end(),
                     [&value](const Json& name) { return value.contains(name); });
}

}  // namespace

const Json& SchemaChecker::Resolve(const Json& schema) const {
  const auto reference = schema.find("$ref");
  return reference == schema.end()
             ? schema
             : document_.at(Json::json_pointer(reference->get<std::string>().substr(1)));
}

std::vector<std::string> SchemaChecker::Check(const Json& schema, const Json& value) const {
  std::vector<std::string> wrong;
  CheckAt("$", schema, value, &wrong);
  return wrong;
}

void SchemaChecker::CheckAt(const std::string& place, const Json& reference, const Json& value,
                            std::vector<std::string>* wrong) const {
  const Json& schema = Resolve(reference);
  for (const auto& [keyword, ignored] : schema.items()) {
    if (!KnownKeywords().contains(keyword)) {
      wrong->push_back(place + ": unknown keyword " + keyword);
    }
  }
  if (!HasType(schema.at("type"), value)) {
    wrong->push_back(place + ": " + value.dump() + " is not of type " + schema.at("type").dump());
    return;
  }
  if (value.is_object()) {
    CheckObject(place, schema, value, wrong);
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      CheckAt(place + "[" + std::to_string(i) + "]", schema.at("items"), value[i], wrong);
    }
  } else if (value.is_string()) {
    const std::string text = value;
    if ((schema.contains("pattern") &&
         !std::regex_search(text, std::regex(schema["pattern"].get<std::string>()))) ||
        (schema.contains("contentEncoding") && !IsBase64(text)) ||
        (schema.contains("enum") &&
         std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end())) {
      wrong->push_back(place + ": \"" + text + "\" does not fit " + schema.dump());
    }
  } else if (value.is_number() && ((schema.contains("minimum") && value < schema["minimum"]) ||
                                   (schema.contains("maximum") && value > schema["maximum"]))) {
    wrong->push_back(place + ": " + value.dump() + " is out of range");
  }
}

void SchemaChecker::CheckObject(const std::string& place, const Json& schema, const Json& value,
                                std::vector<std::string>* wrong) const {
  const Json properties = schema.value("properties", Json::object());
  for (const auto& [name, member] : value.items()) {
    if (properties.contains(name)) {
      CheckAt(place + "." + name, properties[name], member, wrong);
    } else if (!schema.value("additionalProperties", true)) {
      wrong->push_back(place + ": unknown member " + name);
    }
  }
  if (schema.contains("required") && !HasAll(schema["required"], value)) {
    wrong->push_back(place + " lacks some of " + schema["required"].dump());
  }
  if (schema.contains("oneOf") &&
      std::count_if(schema["oneOf"].begin(), schema["oneOf"].end(),
                    [&value](const Json& one) { return HasAll(one.at("required"), value); }) != 1) {
    wrong->push_back(place + " does not fit one of " + schema["oneOf"].dump());
  }
}

Json SchemaChecker::Example(const Json& reference) const {
  const Json& schema = Resolve(reference);
  const std::string type = schema.at("type");
  if (type == "object") {
    std::set<std::string> others;  // of a oneOf
    for (std::size_t i = 1; i < schema.value("oneOf", Json::array()).size(); ++i) {
      others.insert(schema["oneOf"][i]["required"][0]);
    }
    Json out = Json::object();
    for (const auto& [name, member] : schema.at("properties").items()) {
      if (!others.contains(name)) {
        out[name] = Example(member);
      }
    }
    return out;
  }
  if (type == "array") {
    return Json::array({Example(schema.at("items"))});
  }
  if (type == "boolean") {
    return false;
  }
  if (type == "integer" || type == "number") {
    return 1;
  }
  return schema.contains("enum") ? schema["enum"][0]
                                 : Json(schema.contains("contentEncoding") ? "AACAPwAAAAA=" : "1");
}

}  // namespace nearhit::server
