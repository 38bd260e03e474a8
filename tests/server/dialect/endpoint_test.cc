#include "server/dialect/endpoint.h"

#include <gtest/gtest.h>

namespace nearhit::server {
namespace {

struct RouteCase {
  std::string_view path;
  Endpoint endpoint;
  Dialect dialect;
  std::string_view upstream;
  std::string_view deployment = "";
};

TEST(RouteOf, KnowsThePathsOfTheProviders) {
  constexpr auto kOpenAi = Dialect::kOpenAi;
  constexpr auto kAnthropic = Dialect::kAnthropic;
  for (const RouteCase& c : {
           RouteCase{"/v1/chat/completions", Endpoint::kChat, kOpenAi, "/v1/chat/completions"},
           RouteCase{"/chat/completions", Endpoint::kChat, kOpenAi, "/v1/chat/completions"},
           RouteCase{"/openai/v1/chat/completions", Endpoint::kChat, kOpenAi,
                     "/v1/chat/completions"},
           RouteCase{"/v1/completions", Endpoint::kCompletions, kOpenAi, "/v1/completions"},
           RouteCase{"/v1/embeddings", Endpoint::kEmbeddings, kOpenAi, "/v1/embeddings"},
           RouteCase{"/v1/responses", Endpoint::kResponses, kOpenAi, "/v1/responses"},
           RouteCase{"/v1/messages", Endpoint::kMessages, kAnthropic, "/v1/messages"},
           RouteCase{"/anthropic/v1/messages", Endpoint::kMessages, kAnthropic, "/v1/messages"},
           RouteCase{"/v1/messages/count_tokens", Endpoint::kCountTokens, kAnthropic,
                     "/v1/messages/count_tokens"},
           RouteCase{"/openai/deployments/d/chat/completions", Endpoint::kChat, kOpenAi,
                     "/openai/deployments/d/chat/completions", "d"},
       }) {
    const Route route = RouteOf("POST", c.path, false);
    EXPECT_EQ(route.endpoint, c.endpoint) << c.path;
    EXPECT_EQ(route.dialect, c.dialect) << c.path;
    EXPECT_EQ(route.path, c.upstream) << c.path;
    EXPECT_EQ(route.deployment, c.deployment) << c.path;
    EXPECT_EQ(RouteOf("GET", c.path, false).endpoint, Endpoint::kOther) << c.path;
  }
}

TEST(RouteOf, LetsOtherPathsThroughAsTheyAre) {
  for (const std::string_view path :
       {"/", "/v1", "/v1/", "/v1/models", "/v1/chat/completions/", "/v1/chat/completions/x",
        "/v1/chat//completions", "/V1/chat/completions", "/v1/v1/messages", "/v1messages",
        "/v1/responses/resp_1", "/v1/responses/input_tokens", "/v1/messages/batches",
        "/anthropic/messages", "/openai/deployments/d", "/openai/deployments//chat/completions"}) {
    const Route route = RouteOf("POST", path, false);
    EXPECT_EQ(route.endpoint, Endpoint::kOther) << path;
    EXPECT_EQ(route.path, path);
    EXPECT_EQ(route.dialect, Dialect::kOpenAi) << path;
    EXPECT_EQ(RouteOf("GET", path, true).dialect, Dialect::kAnthropic) << path;
  }
  EXPECT_EQ(RouteOf("GET", "/anthropic/v1/models", false).path, "/v1/models");
  EXPECT_EQ(RouteOf("GET", "/anthropic/v1/models", false).dialect, Dialect::kAnthropic);
  EXPECT_EQ(RouteOf("GET", "/openai/v1/models", true).dialect, Dialect::kOpenAi);
}

TEST(EndpointName, HasOneForEach) {
  EXPECT_EQ(EndpointName(Endpoint::kChat), "chat");
  EXPECT_EQ(EndpointName(Endpoint::kCountTokens), "count_tokens");
  EXPECT_EQ(EndpointName(Endpoint::kOther), "other");
}

}  // namespace
}  // namespace nearhit::server
