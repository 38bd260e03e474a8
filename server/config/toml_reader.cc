#include "server/config/toml_reader.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace nearhit::server {
namespace {

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

// Whether every part of `word` between underscores is in `candidate`: a shortened key.
bool IsShortFor(std::string_view word, std::string_view candidate) {
  while (!word.empty()) {
    const std::string_view part = word.substr(0, word.find('_'));
    if (part.empty() || candidate.find(part) == std::string_view::npos) {
      return false;
    }
    word.remove_prefix(std::min(word.size(), part.size() + 1));
  }
  return true;
}

std::string Number(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') {
    text.pop_back();
  }
  return text;
}

std::string Joined(const std::vector<std::string_view>& words) {
  std::string out;
  for (const std::string_view word : words) {
    out += out.empty() ? "" : ", ";
    out += '"';
    out += word;
    out += '"';
  }
  return out;
}

}  // namespace

std::string Place(const std::string& source, const toml::node* node) {
  const auto line = node == nullptr ? 1U : node->source().begin.line;
  return source + ":" + std::to_string(line) + ": ";
}

std::string NearestWord(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string* best = nullptr;
  std::size_t best_distance = std::max<std::size_t>(3, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = EditDistance(word, candidate);
    if (distance < best_distance && distance < candidate.size()) {
      best = &candidate;
      best_distance = distance;
    }
  }
  if (best == nullptr) {
    const auto longer = std::ranges::find_if(
        candidates, [word](std::string_view candidate) { return IsShortFor(word, candidate); });
    return longer == candidates.end() ? std::string() : *longer;
  }
  return *best;
}

TomlReader::TomlReader(const toml::table& table, std::string section, std::string source)
    : table_(table), section_(std::move(section)), source_(std::move(source)) {
}

void TomlReader::Bool(std::string_view key, bool* out) {
  const toml::node* node = Find(key);
  if (node == nullptr) {
    return;
  }
  if (!node->is_boolean()) {
    Fail(node, key, "must be true or false");
    return;
  }
  *out = node->as_boolean()->get();
}

void TomlReader::String(std::string_view key, std::string* out) {
  const toml::node* node = Find(key);
  if (node == nullptr) {
    return;
  }
  if (!node->is_string()) {
    Fail(node, key, "must be a string");
    return;
  }
  *out = node->as_string()->get();
}

void TomlReader::Strings(std::string_view key, std::vector<std::string>* out) {
  const toml::node* node = Find(key);
  if (node == nullptr) {
    return;
  }
  const toml::array* const array = node->as_array();
  if (array == nullptr || !array->is_homogeneous(toml::node_type::string)) {
    Fail(node, key, "must be an array of strings");
    return;
  }
  out->clear();
  for (const toml::node& item : *array) {
    out->push_back(item.as_string()->get());
  }
}

bool TomlReader::ReadNumber(std::string_view key, double min, double max, double* out) {
  const toml::node* node = Find(key);
  if (node == nullptr) {
    return false;
  }
  if (!node->is_number()) {
    Fail(node, key, "must be a number");
    return false;
  }
  const double value = node->is_integer() ? static_cast<double>(node->as_integer()->get())
                                          : node->as_floating_point()->get();
  if (!(value >= min && value <= max)) {
    Fail(node, key,
         "is " + Number(value) + "; it must be in [" + Number(min) + ", " + Number(max) + "]");
    return false;
  }
  *out = value;
  return true;
}

bool TomlReader::ReadInt(std::string_view key, std::int64_t min, std::int64_t max,
                         std::int64_t* out) {
  const toml::node* node = Find(key);
  if (node == nullptr) {
    return false;
  }
  if (!node->is_integer()) {
    Fail(node, key, "must be an integer");
    return false;
  }
  const std::int64_t value = node->as_integer()->get();
  if (value < min || value > max) {
    Fail(node, key,
         "is " + std::to_string(value) + "; it must be in [" + std::to_string(min) + ", " +
             std::to_string(max) + "]");
    return false;
  }
  *out = value;
  return true;
}

bool TomlReader::ReadWord(std::string_view key, const std::vector<std::string_view>& words,
                          std::size_t* index) {
  const toml::node* node = Find(key);
  if (node == nullptr) {
    return false;
  }
  const auto found =
      node->is_string() ? std::ranges::find(words, node->as_string()->get()) : words.end();
  if (found == words.end()) {
    Fail(node, key, "must be one of " + Joined(words));
    return false;
  }
  *index = static_cast<std::size_t>(found - words.begin());
  return true;
}

const toml::table* TomlReader::Table(std::string_view key) {
  const toml::node* node = Find(key);
  if (node != nullptr && !node->is_table()) {
    Fail(node, key, "must be a table");
    return nullptr;
  }
  return node == nullptr ? nullptr : node->as_table();
}

std::vector<const toml::table*> TomlReader::Tables(std::string_view key) {
  std::vector<const toml::table*> out;
  const toml::node* node = Find(key);
  if (node == nullptr) {
    return out;
  }
  const toml::array* array = node->as_array();
  if (array == nullptr) {
    Fail(node, key, "must be an array of tables, written [[" + std::string(key) + "]]");
    return out;
  }
  for (const toml::node& item : *array) {
    if (!item.is_table()) {
      Fail(&item, key, "must be an array of tables, written [[" + std::string(key) + "]]");
      return {};
    }
    out.push_back(item.as_table());
  }
  return out;
}

void TomlReader::Fail(const toml::node* node, std::string_view key, std::string_view what) {
  Fail(InvalidArgument(Place(source_, node) + FullName(key) + " " + std::string(what)));
}

void TomlReader::Fail(Status status) {
  status.IgnoreError();  // only the first error is kept
  if (status_.ok()) {
    status_ = std::move(status);
  }
}

void TomlReader::Required(std::string_view key) {
  if (table_.get(key) == nullptr) {
    Fail(&table_, key, "is missing");
  }
}

Status TomlReader::Finish() {
  for (const auto& [key, node] : table_) {
    if (!status_.ok()) {
      break;
    }
    const std::string name(key.str());
    if (std::ranges::find(known_, name) != known_.end()) {
      continue;
    }
    const std::string nearest = NearestWord(name, known_);
    Fail(InvalidArgument(source_ + ":" + std::to_string(key.source().begin.line) +
                         ": unknown key " + FullName(name) +
                         (nearest.empty() ? "" : "; did you mean " + FullName(nearest) + "?")));
  }
  return std::exchange(status_, Status());
}

const toml::node* TomlReader::Find(std::string_view key) {
  known_.emplace_back(key);
  return status_.ok() ? table_.get(key) : nullptr;
}

std::string TomlReader::FullName(std::string_view key) const {
  return section_.empty() ? std::string(key) : section_ + "." + std::string(key);
}

}  // namespace nearhit::server
