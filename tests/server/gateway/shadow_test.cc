#include <array>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/gateway/shadow_log.h"
#include "tests/server/gateway/gateway_fixture.h"

namespace nearhit::server {
namespace {

using testing::HasSubstr;

class ShadowTest : public GatewayTest {};

TEST_F(ShadowTest, AShadowDecidesAndAsksAllTheSame) {
  Serve([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Hello.")); },
        [](GatewayOptions* options) { options->shadow = true; });
  Post(kChat, ChatRequest("Would you?"));
  const GatewayReply reply = Post(kChat, ChatRequest("Would you?"));
  EXPECT_EQ(reply.how(), "miss");
  EXPECT_EQ(reply.reason(), "shadow");
  EXPECT_EQ(reply.Header("x-nearhit-similarity"), "1.0000");
  EXPECT_EQ(calls(), 2U);
}

TEST_F(ShadowTest, AShadowKeepsWhatItWouldHaveServed) {
  Serve(
      [](const FakeHttpRequest&, std::size_t index) {
        const std::array<const char*, 3> texts = {"Press  reset.", "Press reset.\\n",
                                                  "Ask the support."};
        return index < texts.size() ? Json(ChatBody(texts.at(index))) : Json("{}", 500);
      },
      [](GatewayOptions* options) { options->shadow = true; });
  const std::vector<HttpHeader> other = {{.name = "authorization", .value = "Bearer other"}};
  Post(kChat, ChatRequest("How do I reset my password?"));
  const GatewayReply second = Post(kChat, ChatRequest("How do I reset my password?"));
  Post(kChat, ChatRequest("how do i reset my password"));
  EXPECT_EQ(Post(kChat, ChatRequest("how do i reset my password")).status, 500);
  const auto decisions =
      nlohmann::json::parse(Send("GET", "/nearhit/v1/shadow", "").body).at("decisions");
  ASSERT_EQ(decisions.size(), 2U) << decisions;
  EXPECT_EQ(decisions[0].at("kind"), "semantic");
  EXPECT_EQ(decisions[0].at("asked"), "how do i reset my password");
  EXPECT_EQ(decisions[0].at("matched"), "How do I reset my password?");
  EXPECT_EQ(decisions[0].at("provider_answer"), "Ask the support.");
  EXPECT_EQ(decisions[0].at("agreement"), "different");
  EXPECT_LT(decisions[0].at("answer_similarity"), 0.9);
  EXPECT_EQ(decisions[1].at("kind"), "exact");
  EXPECT_EQ(decisions[1].at("agreement"), "same");
  EXPECT_EQ(decisions[1].at("request_id"), second.Header("x-nearhit-request-id"));
  EXPECT_EQ(Send("GET", "/nearhit/v1/shadow", "", other).body, "{\"decisions\":[]}\n");
  EXPECT_THAT(Send("GET", "/metrics", "").body,
              HasSubstr(R"(nearhit_gateway_shadow_total{agreement="same",kind="exact"} 1)"));
}

TEST(ShadowLog, HoldsTheNewest) {
  ShadowLog log;
  for (std::size_t i = 0; i < ShadowLog::kMost + 5; ++i) {
    log.Add({.request_id = std::to_string(i), .caller = i % 2 == 0 ? "even" : "odd"});
  }
  EXPECT_EQ(log.List("even", 2).at(1).request_id, std::to_string(ShadowLog::kMost + 2));
  EXPECT_EQ(log.List("odd", ShadowLog::kMost).size(), ShadowLog::kMost / 2);
  log.Add({.caller = "large", .stored_text = std::string(ShadowLog::kMostBytes, 'x')});
  EXPECT_EQ(log.List("large", 1).size(), 1U);
  log.Add({.caller = "large", .stored_text = std::string(ShadowLog::kMostBytes + 1, 'x')});
  EXPECT_TRUE(log.List("large", 1).empty());
}

}  // namespace
}  // namespace nearhit::server
