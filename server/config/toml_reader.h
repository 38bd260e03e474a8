// Reads one table of a TOML file key by key, and knows afterwards which keys nobody asked for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <toml++/toml.h>

#include "nearhit/result.h"

namespace nearhit::server {

// Each Read leaves `out` alone when the key is absent. The first error is kept and later reads do
// nothing, so a caller reads everything and calls Finish() once.
//
// Thread-safety: externally synchronized. The table must outlive the reader.
class TomlReader {
 public:
  // `section` is for messages, e.g. "server". `source` is the file.
  TomlReader(const toml::table& table, std::string section, std::string source);

  void Bool(std::string_view key, bool* out);
  void String(std::string_view key, std::string* out);
  // A value outside [min, max] is an error.
  template <typename T>
  void Int(std::string_view key, std::int64_t min, std::int64_t max, T* out) {
    std::int64_t value = 0;
    if (ReadInt(key, min, max, &value)) {
      *out = static_cast<T>(value);
    }
  }
  void Strings(std::string_view key, std::vector<std::string>* out);
  void Float(std::string_view key, double min, double max, float* out) {
    double value = 0;
    if (ReadNumber(key, min, max, &value)) {
      *out = static_cast<float>(value);
    }
  }
  void Double(std::string_view key, double min, double max, double* out) {
    ReadNumber(key, min, max, out);
  }
  template <typename T>
  void InRange(std::string_view key, T min, T max, T* out) {
    if constexpr (std::is_floating_point_v<T>) {
      Float(key, static_cast<double>(min), static_cast<double>(max), out);
    } else {
      constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();  // of TOML
      Int(key, static_cast<std::int64_t>(min),
          static_cast<std::int64_t>(
              std::min<std::uint64_t>(static_cast<std::uint64_t>(max), kLargest)),
          out);
    }
  }
  // One of the names, as the value next to it.
  template <typename E>
  void Enum(std::string_view key, std::initializer_list<std::pair<std::string_view, E>> names,
            E* out) {
    std::vector<std::string_view> words;
    for (const auto& name : names) {
      words.push_back(name.first);
    }
    std::size_t index = 0;
    if (ReadWord(key, words, &index)) {
      *out = std::begin(names)[index].second;
    }
  }
  void OneOf(std::string_view key, const std::vector<std::string>& words, std::string* out) {
    std::size_t index = 0;
    if (ReadWord(key, {words.begin(), words.end()}, &index)) {
      *out = words[index];
    }
  }
  // Null when absent or after an error.
  const toml::table* Table(std::string_view key);
  // Empty when absent or after an error.
  std::vector<const toml::table*> Tables(std::string_view key);

  void Fail(const toml::node* node, std::string_view key, std::string_view what);
  void Fail(Status status);
  // Requires the key to be there.
  void Required(std::string_view key);

  // The first error, or one for the first key that was never asked for.
  Status Finish();

 private:
  const toml::node* Find(std::string_view key);
  bool ReadInt(std::string_view key, std::int64_t min, std::int64_t max, std::int64_t* out);
  bool ReadNumber(std::string_view key, double min, double max, double* out);
  bool ReadWord(std::string_view key, const std::vector<std::string_view>& words,
                std::size_t* index);
  std::string FullName(std::string_view key) const;

  const toml::table& table_;
  const std::string section_;
  const std::string source_;
  std::vector<std::string> known_;
  Status status_;
};

// "source:line: " of a node; of the file's first line when the node is null.
std::string Place(const std::string& source, const toml::node* node);

// The candidate that is closest to `word` by edit distance, or else the first that `word` is short
// for; empty when there is none.
std::string NearestWord(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace nearhit::server
