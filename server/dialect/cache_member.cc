#include "server/dialect/cache_member.h"

#include "server/dialect/slot_finder.h"

namespace nearhit::server {

CacheMember ReadCacheMember(simdjson::dom::object request) {
  simdjson::dom::object cache;
  simdjson::dom::element any;
  CacheMember out;
  out.there = request.at_key("cache").get(any) == simdjson::SUCCESS;
  if (!out.there || any.get(cache) != simdjson::SUCCESS) {
    return out;
  }
  const auto seconds = [&cache](std::string_view name) -> std::optional<std::int64_t> {
    double value = 0;
    constexpr double kLongest = 1e9;
    return cache.at_key(name).get(value) == simdjson::SUCCESS && value >= 0 && value <= kLongest
               ? std::optional(static_cast<std::int64_t>(value))
               : std::nullopt;
  };
  out.no_cache = IsTrue(cache, "no-cache");
  out.no_store = IsTrue(cache, "no-store");
  out.ttl_s = seconds("ttl");
  out.max_age_s = seconds("s-maxage");
  out.name_space = TextOf(cache, "namespace");
  return out;
}

bool IsTrue(simdjson::dom::object object, std::string_view name) {
  bool value = false;
  return object.at_key(name).get(value) == simdjson::SUCCESS && value;
}

}  // namespace nearhit::server
