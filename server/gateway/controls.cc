#include "server/gateway/controls.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "nearhit/types.h"

namespace nearhit::server {
namespace {

constexpr std::int64_t kMaxSeconds = kMaxTtlMs / 1'000;

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

std::optional<std::int64_t> Seconds(std::string_view text) {
  if (text.size() > 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) {
    return std::nullopt;
  }
  return std::min(value, kMaxSeconds) * 1'000;
}

void ReadDirective(std::string_view directive, CacheControls* controls) {
  const std::size_t equals = directive.find('=');
  std::string name(Trim(directive.substr(0, equals)));
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  const std::string_view value =
      equals == std::string_view::npos ? std::string_view() : Trim(directive.substr(equals + 1));
  if (name == "no-store") {
    controls->no_store = true;
  } else if (name == "no-cache") {
    controls->no_lookup = true;
  } else if (name == "only-if-cached") {
    controls->only_if_cached = true;
  } else if (name == "max-age") {
    controls->max_age_ms = Seconds(value);
  } else if (name == "min-fresh") {
    controls->min_fresh_ms = Seconds(value);
  }
}

Status ReadMode(std::string_view value, CacheControls* controls) {
  if (value == "off") {
    controls->most = CacheUse::kNone;
  } else if (value == "exact") {
    controls->most = CacheUse::kExact;
  } else if (value != "semantic") {
    return InvalidArgument("x-nearhit-cache is not off, exact or semantic");
  }
  return Status();
}

Status ReadThreshold(std::string_view value, CacheControls* controls) {
  float score = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), score);
  if (error != std::errc() || end != value.data() + value.size() || !(score >= -1 && score <= 1)) {
    return InvalidArgument("x-nearhit-cache-threshold is not a number in -1..1");
  }
  controls->min_score = score;
  return Status();
}

Status ReadHeader(const HttpHeader& header, CacheControls* controls) {
  if (header.name == "cache-control") {
    std::string_view left = header.value;
    while (!left.empty()) {
      const std::size_t comma = std::min(left.find(','), left.size());
      ReadDirective(left.substr(0, comma), controls);
      left.remove_prefix(std::min(comma + 1, left.size()));
    }
  } else if (header.name == "x-nearhit-cache") {
    return ReadMode(header.value, controls);
  } else if (header.name == "x-nearhit-cache-ttl") {
    controls->ttl_ms = Seconds(header.value);
    if (!controls->ttl_ms || *controls->ttl_ms == 0) {
      return InvalidArgument("x-nearhit-cache-ttl is not a number of seconds, at least 1");
    }
  } else if (header.name == "x-nearhit-cache-threshold") {
    return ReadThreshold(header.value, controls);
  } else if (header.name == "x-nearhit-cache-namespace") {
    if (header.value.size() > kMaxNamespaceNameBytes) {
      return InvalidArgument("x-nearhit-cache-namespace has " +
                             std::to_string(header.value.size()) + " bytes, the limit is " +
                             std::to_string(kMaxNamespaceNameBytes));
    }
    controls->name_space = header.value;
  }
  return Status();
}

}  // namespace

Result<CacheControls> ReadControls(const HttpServerRequest& request, const CacheMember& member) {
  CacheControls controls;
  for (const HttpHeader& header : request.headers) {
    NEARHIT_RETURN_IF_ERROR(ReadHeader(header, &controls));
  }
  controls.no_lookup = controls.no_lookup || member.no_cache;
  controls.no_store = controls.no_store || member.no_store;
  if (member.ttl_s && *member.ttl_s > 0) {
    controls.ttl_ms = std::min(controls.ttl_ms.value_or(kMaxTtlMs), *member.ttl_s * 1'000);
  }
  if (member.max_age_s) {
    controls.max_age_ms =
        std::min(controls.max_age_ms.value_or(kMaxTtlMs), *member.max_age_s * 1'000);
  }
  if (!member.name_space.empty()) {
    controls.name_space += "/" + member.name_space;
  }
  return controls;
}

}  // namespace nearhit::server
