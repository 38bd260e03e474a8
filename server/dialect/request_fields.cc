#include "server/dialect/request_fields.h"

#include <algorithm>
#include <array>
#include <span>

namespace nearhit::server {
namespace {

constexpr FieldRule Ignored(std::string_view name) {
  return {.name = name, .use = FieldUse::kIgnored};
}
constexpr FieldRule Exact(std::string_view name, std::string_view reason) {
  return {.name = name, .use = FieldUse::kExact, .reason = reason};
}
constexpr FieldRule Never(std::string_view name, std::string_view reason) {
  return {.name = name, .use = FieldUse::kNever, .reason = reason};
}

constexpr auto kChatFields = std::to_array<FieldRule>({
    Ignored("cache"),
    Ignored("metadata"),
    Ignored("prompt_cache_key"),
    Ignored("prompt_cache_options"),
    Ignored("prompt_cache_retention"),
    Ignored("safety_identifier"),
    Ignored("service_tier"),
    Ignored("stream"),
    Ignored("stream_options"),
    Ignored("user"),
    Exact("audio", "audio"),
    Exact("context_management", "context_management"),
    Exact("functions", "tools"),
    Exact("logprobs", "logprobs"),
    Exact("moderation", "moderation"),
    Exact("prediction", "prediction"),
    Exact("tools", "tools"),
    Exact("top_logprobs", "logprobs"),
    Never("store", "server_state"),
    Never("web_search_options", "fresh_data"),
});

constexpr auto kCompletionsFields = std::to_array<FieldRule>({
    Ignored("cache"),
    Ignored("metadata"),
    Ignored("safety_identifier"),
    Ignored("service_tier"),
    Ignored("stream"),
    Ignored("stream_options"),
    Ignored("user"),
    Exact("best_of", "n"),
    Exact("echo", "echo"),
    Exact("logprobs", "logprobs"),
    Exact("suffix", "suffix"),
});

constexpr auto kEmbeddingsFields = std::to_array<FieldRule>({
    Ignored("cache"),
    Ignored("encoding_format"),
    Ignored("input"),
    Ignored("user"),
});

// A response repeats most of its request, so that what another caller said of itself stays in the
// key.
constexpr auto kResponsesFields = std::to_array<FieldRule>({
    Ignored("cache"),
    Ignored("stream"),
    Ignored("stream_options"),
    Never("background", "server_state"),
    Never("conversation", "server_state"),
    Never("previous_response_id", "server_state"),
    Never("prompt", "server_state"),
});

constexpr auto kMessagesFields = std::to_array<FieldRule>({
    Ignored("cache"),
    Ignored("cache_control"),
    Ignored("metadata"),
    Ignored("service_tier"),
    Ignored("speed"),
    Ignored("stream"),
    Exact("context_management", "context_management"),
    Exact("fallbacks", "fallbacks"),
    Exact("tools", "tools"),
    Never("container", "server_state"),
    Never("diagnostics", "server_state"),
    Never("fallback_credit_token", "server_state"),
    Never("mcp_servers", "fresh_data"),
});

std::span<const FieldRule> RulesOf(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::kChat:
      return kChatFields;
    case Endpoint::kCompletions:
      return kCompletionsFields;
    case Endpoint::kResponses:
      return kResponsesFields;
    case Endpoint::kMessages:
    case Endpoint::kCountTokens:
      return kMessagesFields;
    case Endpoint::kEmbeddings:
      return kEmbeddingsFields;
    case Endpoint::kOther:
      return {};
  }
  return {};
}

}  // namespace

FieldRule FieldRuleOf(Endpoint endpoint, std::string_view name) {
  const std::span<const FieldRule> rules = RulesOf(endpoint);
  const auto found = std::find_if(rules.begin(), rules.end(),
                                  [name](const FieldRule& rule) { return rule.name == name; });
  return found == rules.end() ? FieldRule{.name = name} : *found;
}

bool IsCacheMark(std::string_view name) {
  return name == "cache_control" || name == "prompt_cache_breakpoint";
}

}  // namespace nearhit::server
