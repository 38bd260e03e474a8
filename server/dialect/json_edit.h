// Changes to a JSON object's text that leave every other byte as it is.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace nearhit::server {

// Takes the members of this name out of the object, which must be valid JSON.
std::string WithoutMember(std::string_view object, std::string_view name);

// The object with one more member, in front. `member` is `"name":value`.
std::string WithMember(std::string_view object, std::string_view member);

// The object whose member `name`, an array, has only these of its items: indices in ascending
// order. The object must be valid JSON. Nothing when it has no such member in plain letters, or the
// array no such item.
std::optional<std::string> WithItems(std::string_view object, std::string_view name,
                                     std::span<const std::size_t> items);

// The object in which every number is 0 within the object that these members lead to, one in the
// other, at every depth. The object must be valid JSON. It stays as it is when `path` leads to
// none.
std::string WithZeros(std::string_view object, std::span<const std::string_view> path);

}  // namespace nearhit::server
