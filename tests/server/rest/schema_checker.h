// JSON Schema, as far as an OpenAPI document of nearhit uses it: checks values, and makes some.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace nearhit::server {

// Thread-safety: const methods thread-safe.
class SchemaChecker {
 public:
  // `document` holds what "$ref" points at.
  explicit SchemaChecker(nlohmann::json document) : document_(std::move(document)) {}

  // What is wrong with `value`, each with its place. A keyword that is not known here is wrong,
  // too.
  std::vector<std::string> Check(const nlohmann::json& schema, const nlohmann::json& value) const;
  // A value with all members of the schema, of some oneOf the first.
  nlohmann::json Example(const nlohmann::json& schema) const;

 private:
  const nlohmann::json& Resolve(const nlohmann::json& schema) const;
  void CheckAt(const std::string& place, const nlohmann::json& schema, const nlohmann::json& value,
               std::vector<std::string>* wrong) const;
  void CheckObject(const std::string& place, const nlohmann::json& schema,
                   const nlohmann::json& value, std::vector<std::string>* wrong) const;

  const nlohmann::json document_;
};

}  // namespace nearhit::server
