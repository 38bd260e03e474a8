#include "server/dialect/endpoint.h"

#include <array>

namespace nearhit::server {
namespace {

struct Known {
  std::string_view path;  // after "/v1"
  Endpoint endpoint;
  Dialect dialect;
  std::string_view name;
};

constexpr std::array<Known, 6> kKnown = {{
    {"/chat/completions", Endpoint::kChat, Dialect::kOpenAi, "chat"},
    {"/completions", Endpoint::kCompletions, Dialect::kOpenAi, "completions"},
    {"/embeddings", Endpoint::kEmbeddings, Dialect::kOpenAi, "embeddings"},
    {"/responses", Endpoint::kResponses, Dialect::kOpenAi, "responses"},
    {"/messages", Endpoint::kMessages, Dialect::kAnthropic, "messages"},
    {"/messages/count_tokens", Endpoint::kCountTokens, Dialect::kAnthropic, "count_tokens"},
}};

bool TakePrefix(std::string_view prefix, std::string_view* path) {
  if (!path->starts_with(prefix)) {
    return false;
  }
  path->remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::string_view EndpointName(Endpoint endpoint) {
  for (const Known& known : kKnown) {
    if (known.endpoint == endpoint) {
      return known.name;
    }
  }
  return "other";
}

Route RouteOf(std::string_view method, std::string_view path, bool has_anthropic_version) {
  Route route;
  route.path = path;
  route.dialect = has_anthropic_version ? Dialect::kAnthropic : Dialect::kOpenAi;
  std::string_view rest = path;
  if (TakePrefix("/openai/deployments/", &rest)) {  // the upstream has this path too
    const std::size_t slash = rest.find('/');
    if (slash == 0 || slash == std::string_view::npos) {
      return route;
    }
    route.deployment = rest.substr(0, slash);
    rest.remove_prefix(slash);
  } else {
    if (rest.starts_with("/openai/v1/") && TakePrefix("/openai", &rest)) {
      route.dialect = Dialect::kOpenAi;
    } else if (rest.starts_with("/anthropic/v1/") && TakePrefix("/anthropic", &rest)) {
      route.dialect = Dialect::kAnthropic;
    }
    route.path = rest;
    TakePrefix("/v1", &rest);
  }
  for (const Known& known : kKnown) {
    if (rest == known.path && method == "POST") {
      route.endpoint = known.endpoint;
      route.dialect = known.dialect;
      if (route.deployment.empty()) {
        route.path = "/v1" + std::string(known.path);
      }
    }
  }
  return route;
}

}  // namespace nearhit::server
