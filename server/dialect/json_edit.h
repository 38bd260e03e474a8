// Changes to a JSON object's text that leave every other byte as it is.
#pragma once

#include <string>
#include <string_view>

namespace nearhit::server {

// Takes the members of this name out of the object, which must be valid JSON.
std::string WithoutMember(std::string_view object, std::string_view name);

// The object with one more member, in front. `member` is `"name":value`.
std::string WithMember(std::string_view object, std::string_view member);

}  // namespace nearhit::server
