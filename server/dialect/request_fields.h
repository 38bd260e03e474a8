// What each member of a request means for the cache: the one table of them.
#pragma once

#include <cstdint>
#include <string_view>

#include "server/dialect/endpoint.h"

namespace nearhit::server {

enum class FieldUse : std::uint8_t {
  kKey,      // an answer depends on it; so does everything that is not in the table
  kIgnored,  // no answer depends on it
  kExact,    // as kKey, and unless it says nothing, only the very same request gets the answer
  kNever,    // unless it says nothing, the request is not cached
};

struct FieldRule {
  std::string_view name{};
  FieldUse use = FieldUse::kKey;
  std::string_view reason{};  // kExact, kNever
};

// The rule for a member at the top of a request.
FieldRule FieldRuleOf(Endpoint endpoint, std::string_view name);

// Whether a member of a message, a part or a tool is a hint to the provider's own prompt cache.
// Clients move it every turn.
bool IsCacheMark(std::string_view name);

}  // namespace nearhit::server
