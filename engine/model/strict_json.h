// JSON files of a model folder, read so that a wrong one is refused with one clear error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "nearhit/result.h"

namespace nearhit {

// Objects keep no order; numbers, strings and the rest are nlohmann's.
using Json = nlohmann::json;

// Deepest nesting of any file of a model folder; real ones have six levels.
inline constexpr int kMaxJsonDepth = 32;

// Parses a whole text. `file` names it in errors.
//
// Errors: kInvalidArgument for what is no JSON, a key that is there twice in one object, or arrays
// and objects nested deeper than kMaxJsonDepth.
Result<Json> ParseStrictJson(std::string_view text, std::string_view file);

// The text of a file of a model folder, without a byte order mark.
//
// Errors: kNotFound; kUnavailable; kInvalidArgument for more than `max_bytes` and for a git-LFS
// pointer.
Result<std::string> ReadModelText(const std::filesystem::path& path, std::size_t max_bytes);

// Reads and parses `path`; errors name the file without its folder.
//
// Errors: those of ReadModelText and ParseStrictJson.
Result<Json> ReadStrictJson(const std::filesystem::path& path, std::size_t max_bytes);

// One object of a file, read field by field. An error names the file, the key with the objects
// around it, and what was expected there.
//
// Thread-safety: const methods thread-safe. The object must outlive it.
class JsonObject {
 public:
  // `where` is the key of the object in the file, "" for the whole file.
  //
  // Errors: kInvalidArgument when `value` is no object.
  static Result<JsonObject> Of(const Json& value, std::string_view file, std::string_view where);

  // Null when the key is missing or null.
  const Json* Find(std::string_view key) const;

  // The object at `key`. Errors: kInvalidArgument when it is missing or no object.
  Result<JsonObject> Object(std::string_view key) const;
  // The array at `key`. Errors: kInvalidArgument when it is missing or no array.
  Result<const Json*> Array(std::string_view key) const;
  // An integer in `low`..`high`. Errors: kInvalidArgument.
  Result<std::size_t> Integer(std::string_view key, std::size_t low, std::size_t high) const;
  // A finite number. Errors: kInvalidArgument.
  Result<double> Number(std::string_view key) const;
  // Errors: kInvalidArgument.
  Result<std::string> String(std::string_view key) const;
  // `fallback` when the key is missing or null. Errors: kInvalidArgument when it is something else.
  Result<bool> BoolOr(std::string_view key, bool fallback) const;
  Result<std::string> StringOr(std::string_view key, std::string_view fallback) const;

  // "FILE: key "a.b" is VALUE, expected WHAT"; for the caller's own rules.
  Status Wrong(std::string_view key, std::string_view expected) const;

  const std::string& file() const { return file_; }
  // "a.b" for the key b of this object.
  std::string Path(std::string_view key) const;

 private:
  JsonObject(const Json& value, std::string_view file, std::string_view where)
      : value_(&value), file_(file), where_(where) {}

  const Json* value_;
  std::string file_;
  std::string where_;
};

}  // namespace nearhit
