// JSON values as bytes that are equal when the values are. For the sources of this folder.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <simdjson.h>

namespace nearhit::server {

// Each value begins with a byte that says what follows, and texts with their length: no two values
// have the same bytes. Members are in the order of their names; a number has one form, whether it
// was written as 1, 1.0 or 1e0.
//
// Thread-safety: externally synchronized.
class CanonicalWriter {
 public:
  using Element = simdjson::dom::element;
  using Object = simdjson::dom::object;
  using Array = simdjson::dom::array;

  explicit CanonicalWriter(std::string* out) : out_(out) {}

  void Value(Element value);
  void Text(std::string_view text);
  // A place where some text would be.
  void Placeholder() { *out_ += 'P'; }

  // `each(name, value)` writes the member, by Name() and Value(), or leaves it out.
  template <typename Each>
  void Members(Object object, Each&& each) {
    std::vector<std::pair<std::string_view, Element>> members;
    for (const auto member : object) {
      members.emplace_back(member.key, member.value);
    }
    std::stable_sort(members.begin(), members.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    *out_ += '{';
    for (std::size_t i = 0; i < members.size(); ++i) {
      has_duplicates_ = has_duplicates_ || (i > 0 && members[i - 1].first == members[i].first);
      each(members[i].first, members[i].second);
    }
    *out_ += '}';
  }
  void Name(std::string_view name) { Text(name); }

  // `each(value, index)` writes the value.
  template <typename Each>
  void Values(Array array, Each&& each) {
    *out_ += '[';
    std::size_t index = 0;
    for (const Element value : array) {
      each(value, index++);
    }
    *out_ += ']';
  }

  // An object had two members of one name; readers differ in which of them they take.
  bool has_duplicates() const { return has_duplicates_; }

 private:
  void Number(double value);
  void Digits(std::string_view text);

  std::string* const out_;
  bool has_duplicates_ = false;
};

}  // namespace nearhit::server
