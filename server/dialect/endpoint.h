// Which of the providers' endpoints a path is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nearhit::server {

enum class Dialect : std::uint8_t { kOpenAi, kAnthropic };

enum class Endpoint : std::uint8_t {
  kChat,         // POST /v1/chat/completions
  kCompletions,  // POST /v1/completions
  kEmbeddings,   // POST /v1/embeddings
  kResponses,    // POST /v1/responses
  kMessages,     // POST /v1/messages, of Anthropic
  kCountTokens,  // POST /v1/messages/count_tokens
  kOther,        // everything else goes through as it is
};

std::string_view EndpointName(Endpoint endpoint);  // "chat", "embeddings", …

struct Route {
  Endpoint endpoint = Endpoint::kOther;
  Dialect dialect = Dialect::kOpenAi;
  std::string path{};        // for the upstream: without a prefix of ours, "/v1/…" or as it came
  std::string deployment{};  // of Azure's paths, which name a model there; otherwise empty
};

// Recognizes the paths of the providers, with "/openai" or "/anthropic" before them, without "/v1",
// and as Azure has them: /openai/deployments/<name>/chat/completions.
Route RouteOf(std::string_view method, std::string_view path, bool has_anthropic_version);

}  // namespace nearhit::server
