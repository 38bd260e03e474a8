// What a caller asks of the cache, in headers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "nearhit/result.h"
#include "server/dialect/request_plan.h"
#include "server/http/request.h"

namespace nearhit::server {

// Everything narrows what the configuration allows; nothing widens it.
struct CacheControls {
  CacheUse most = CacheUse::kSemantic;  // x-nearhit-cache: off, exact, semantic
  bool no_lookup = false;               // Cache-Control: no-cache
  bool no_store = false;                // Cache-Control: no-store; neither looked up nor stored
  bool only_if_cached = false;          // Cache-Control: only-if-cached; a miss is a 504
  std::optional<std::int64_t> max_age_ms{};    // Cache-Control: max-age; older entries do not count
  std::optional<std::int64_t> min_fresh_ms{};  // Cache-Control: min-fresh
  std::optional<std::int64_t> ttl_ms{};        // x-nearhit-cache-ttl, in seconds
  std::optional<float> min_score{};            // x-nearhit-cache-threshold
  std::string name_space{};                    // x-nearhit-cache-namespace: a part of the scope
};

// Cache-Control (RFC 9111, section 5.2.1), where a directive that is unknown or has no number is
// ignored; x-nearhit-cache and the like; and the member "cache" of the body.
//
// Errors: kInvalidArgument for a header x-nearhit-cache… whose value is out of range.
Result<CacheControls> ReadControls(const HttpServerRequest& request, const CacheMember& member);

}  // namespace nearhit::server
