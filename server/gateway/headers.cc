#include "server/gateway/headers.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>

namespace nearhit::server {
namespace {

// RFC 9110, section 7.6.1, and what the HTTP client writes itself.
constexpr auto kOfConnection = std::to_array<std::string_view>({
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
});
// Of a request: for us, or not for the provider. Bodies are read, so they must come as they are.
constexpr auto kNotForUpstream = std::to_array<std::string_view>({
    "accept-encoding",
    "cache-control",
    "cookie",
    "forwarded",
    "pragma",
    "via",
});
constexpr auto kNotForClient = std::to_array<std::string_view>({
    "age",
    "alt-svc",
    "cache-status",
    "date",
    "set-cookie",
    "strict-transport-security",
});
constexpr auto kCredentials =
    std::to_array<std::string_view>({"api-key", "authorization", "x-api-key"});
constexpr auto kOfScope = std::to_array<std::string_view>({
    "anthropic-beta",
    "anthropic-version",
    "openai-beta",
    "openai-organization",
    "openai-project",
});

bool IsIn(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Whether Connection names it as one of its own.
bool IsNamedBy(std::string_view connection, std::string_view name) {
  std::string lower(connection);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  for (std::size_t at = lower.find(name); at != std::string::npos; at = lower.find(name, at + 1)) {
    const auto ends = [](char c) { return c == ',' || c == ' ' || c == '\t'; };
    const std::size_t end = at + name.size();
    if ((at == 0 || ends(lower[at - 1])) && (end == lower.size() || ends(lower[end]))) {
      return true;
    }
  }
  return false;
}

// A list whose order says nothing, in order.
std::string SortedList(std::string_view list) {
  std::vector<std::string> items;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string item(list.substr(0, comma));
    std::erase(item, ' ');
    if (!item.empty()) {
      items.push_back(std::move(item));
    }
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  std::sort(items.begin(), items.end());
  std::string sorted;
  for (const std::string& item : items) {
    sorted += item + ",";
  }
  return sorted;
}

}  // namespace

std::string CredentialOf(const HttpServerRequest& request) {
  std::string all;
  for (const HttpHeader& header : request.headers) {
    if (IsIn(kCredentials, header.name)) {
      all.append(header.name).append(": ").append(header.value).append("\n");
    }
  }
  return all;
}

std::vector<HttpHeader> HeadersForUpstream(const HttpServerRequest& request, const Route& route,
                                           std::string_view api_key) {
  const std::string* const connection = request.Header("connection");
  std::vector<HttpHeader> headers;
  headers.reserve(request.headers.size() + 1);
  for (const HttpHeader& header : request.headers) {
    if (IsIn(kOfConnection, header.name) || IsIn(kNotForUpstream, header.name) ||
        header.name.starts_with("x-nearhit-") || header.name.starts_with("x-forwarded-") ||
        (!api_key.empty() && IsIn(kCredentials, header.name)) ||
        (connection != nullptr && IsNamedBy(*connection, header.name))) {
      continue;
    }
    headers.push_back(header);
  }
  if (!api_key.empty()) {
    if (!route.deployment.empty()) {
      headers.push_back({.name = "api-key", .value = std::string(api_key)});
    } else if (route.dialect == Dialect::kAnthropic) {
      headers.push_back({.name = "x-api-key", .value = std::string(api_key)});
    } else {
      headers.push_back({.name = "authorization", .value = "Bearer " + std::string(api_key)});
    }
  }
  return headers;
}

std::vector<HttpHeader> HeadersForClient(const std::vector<HttpHeader>& upstream) {
  std::vector<HttpHeader> headers;
  headers.reserve(upstream.size());
  for (const HttpHeader& header : upstream) {
    if (!IsIn(kOfConnection, header.name) && !IsIn(kNotForClient, header.name) &&
        !header.name.starts_with("x-nearhit-")) {
      headers.push_back(header);
    }
  }
  return headers;
}

std::string HeadersOfScope(const HttpServerRequest& request) {
  std::string scope;
  for (const std::string_view name : kOfScope) {
    for (const HttpHeader& header : request.headers) {
      if (header.name == name) {
        scope += header.name + "=" +
                 (name.ends_with("-beta") ? SortedList(header.value) : header.value) + "\n";
      }
    }
  }
  return scope;
}

bool AsksForUserState(const HttpServerRequest& request) {
  return request.Header("anthropic-user-profile-id") != nullptr;
}

HttpHeader RequestIdHeader(Dialect dialect, std::string id) {
  return {.name = dialect == Dialect::kAnthropic ? "request-id" : "x-request-id",
          .value = std::move(id)};
}

void AddRequestId(Dialect dialect, std::string id, std::vector<HttpHeader>* headers) {
  HttpHeader own = RequestIdHeader(dialect, std::move(id));
  if (std::none_of(headers->begin(), headers->end(),
                   [&own](const HttpHeader& header) { return header.name == own.name; })) {
    headers->push_back(std::move(own));
  }
}

std::vector<HttpHeader> OwnHeaders(bool stream) {
  if (!stream) {
    return {{.name = "content-type", .value = "application/json"}};
  }
  return {{.name = "content-type", .value = "text/event-stream; charset=utf-8"},
          {.name = "cache-control", .value = "no-cache"},
          {.name = "x-accel-buffering", .value = "no"}};
}

void AddSavedUsd(double usd, std::vector<HttpHeader>* headers) {
  if (usd > 0) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.6f", usd);
    headers->push_back({.name = "x-nearhit-saved-usd", .value = text.data()});
  }
}

}  // namespace nearhit::server
