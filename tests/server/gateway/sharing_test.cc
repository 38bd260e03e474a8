// What two requests must have in common to share an answer, over real sockets.
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/server/gateway/gateway_fixture.h"

namespace nearhit::server {
namespace {

using testing::HasSubstr;
using testing::Not;

// What the calls of the provider are told apart by.
FakeHttpAnswer Numbered(const FakeHttpRequest&, std::size_t index) {
  return Json(ChatBody("Answer " + std::to_string(index) + "."));
}

// A response says again what the request said of its caller.
FakeHttpAnswer Echo(const FakeHttpRequest& request, std::size_t index) {
  nlohmann::json body = nlohmann::json::parse(request.body);
  const std::string number = std::to_string(index);
  body.erase("input");
  body["id"] = "resp_" + number;
  body["object"] = "response";
  body["status"] = "completed";
  body["output"] = nlohmann::json::parse(
      R"([{"type":"message","id":"msg_)" + number +
      R"(","role":"assistant",)"
      R"("status":"completed","content":[{"type":"output_text","text":"Hi.","annotations":[]}]}])");
  return Json(body.dump());
}

class SharingTest : public GatewayTest {
 protected:
  std::string HowWith(std::vector<HttpHeader> headers, const std::string& path = kChat) const {
    return Post(path, ChatRequest("How do I reset my password?"), std::move(headers)).how();
  }
  GatewayReply Respond(const std::string& more, const std::string& text = "Hello?") const {
    return Post("/v1/responses", R"({"model":"m","input":")" + text + "\"" + more + "}");
  }
};

// LiteLLM told callers apart by the first 20 bytes of their tokens (CVE-2026-35030): the beginnings
// of tokens that were signed in the same way are the same.
TEST_F(SharingTest, ACredentialCountsToItsLastByte) {
  Serve(Numbered);
  const std::string token =
      "Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9." + std::string(4'000, 'a') + ".";
  for (const std::string name : {"authorization", "x-api-key", "api-key"}) {
    EXPECT_EQ(HowWith({{.name = name, .value = token + "1"}}), "miss") << name;
    EXPECT_EQ(HowWith({{.name = name, .value = token + "2"}}), "miss") << name;
    EXPECT_EQ(HowWith({{.name = name, .value = token}}), "miss") << name;
    EXPECT_EQ(HowWith({{.name = name, .value = token + "1"}}), "exact") << name;
  }
}

// OmniRoute 12307 and 12734: clients got each other's JSON, and calls of tools they had not
// offered.
TEST_F(SharingTest, WhatShapesAnAnswerIsNotShared) {
  Serve(Numbered);
  const std::string tool = R"([{"type":"function","function":{"name":"f"}}])";
  const std::vector<std::string> shapes = {
      "",
      R"(,"response_format":{"type":"json_object"})",
      R"(,"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{}}})",
      R"(,"response_format":{"type":"json_schema","json_schema":{"name":"b","schema":{}}})",
      R"(,"tools":)" + tool,
      R"(,"tools":[{"type":"function","function":{"name":"g"}}])",
      R"(,"tools":)" + tool + R"(,"tool_choice":"none")",
      R"(,"tools":)" + tool + R"(,"tool_choice":"required")",
      R"(,"tools":)" + tool + R"(,"parallel_tool_calls":false)",
      R"(,"functions":[{"name":"f"}])",
      R"(,"functions":[{"name":"f"}],"function_call":"auto")",
      R"(,"temperature":0)",
      R"(,"max_tokens":5)",
      R"(,"stop":["a"])",
      R"(,"seed":1)",
      R"(,"nobody_knows_this":1)",
  };
  for (const std::string& shape : shapes) {
    EXPECT_EQ(Chat("How do I reset my password?", shape).how(), "miss") << shape;
  }
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const GatewayReply again = Chat("How do I reset my password?", shapes[i]);
    EXPECT_EQ(again.how(), "exact") << shapes[i];
    EXPECT_EQ(again.body, ChatBody("Answer " + std::to_string(i) + ".")) << shapes[i];
  }
}

// Portkey's semantic cache left the first message out.
TEST_F(SharingTest, AnotherSystemPromptIsAnotherQuestion) {
  Serve(Numbered);
  const auto ask = [this](const std::string& role, const std::string& system,
                          const std::string& text) {
    return Post(kChat, R"({"model":"m","messages":[{"role":")" + role + R"(","content":")" +
                           system + R"("},{"role":"user","content":")" + text + R"("}]})")
        .how();
  };
  EXPECT_EQ(ask("system", "Be short.", "How do I reset my password?"), "miss");
  EXPECT_EQ(ask("system", "Be a pirate.", "How do I reset my password?"), "miss");
  EXPECT_EQ(ask("system", "Be a poet.", "how do i reset my password"), "miss");
  EXPECT_EQ(ask("developer", "Be short.", "how do i reset my password"), "miss");
  EXPECT_EQ(ask("system", "Be short.", "how do i reset my password"), "semantic");
}

TEST_F(SharingTest, HeadersAndTheQueryMayChangeAnAnswer) {
  Serve(Numbered);
  EXPECT_EQ(HowWith({}), "miss");
  for (const std::string name : {"anthropic-beta", "anthropic-version", "openai-beta",
                                 "openai-organization", "openai-project"}) {
    EXPECT_EQ(HowWith({{.name = name, .value = "one"}}), "miss") << name;
    EXPECT_EQ(HowWith({{.name = name, .value = "two"}}), "miss") << name;
    EXPECT_EQ(HowWith({{.name = name, .value = "one"}}), "exact") << name;
  }
  const std::string beta = std::string(kChat) + "?beta=true";
  EXPECT_EQ(HowWith({}, beta), "miss");
  EXPECT_EQ(provider_->requests().back().target, beta);
  EXPECT_EQ(HowWith({}, beta), "exact");
}

// A try again is the same request.
TEST_F(SharingTest, OtherHeadersDoNot) {
  Serve(Numbered);
  EXPECT_EQ(HowWith({{.name = "x-stainless-retry-count", .value = "0"}}), "miss");
  EXPECT_EQ(HowWith({{.name = "x-stainless-retry-count", .value = "1"},
                     {.name = "traceparent", .value = "t"},
                     {.name = "user-agent", .value = "u"},
                     {.name = "x-client-request-id", .value = "r"}}),
            "exact");
}

TEST_F(SharingTest, WhatTheProviderKnowsOfAUserIsNotStored) {
  Serve(Numbered);
  const std::vector<HttpHeader> profile = {{.name = "anthropic-user-profile-id", .value = "p"}};
  for (int i = 0; i < 2; ++i) {
    const GatewayReply reply = Post(kChat, ChatRequest("Who am I?"), profile);
    EXPECT_EQ(reply.how(), "bypass");
    EXPECT_EQ(reply.reason(), "server_state");
  }
}

// `store` is true when it is not there: the ids of the answer are those of this caller.
TEST_F(SharingTest, StoredResponsesAreForTheirCallerAndKeepTheirIds) {
  Serve(Echo);
  const GatewayReply first = Respond("");
  EXPECT_EQ(first.how(), "miss");
  const GatewayReply again = Respond("");
  EXPECT_EQ(again.how(), "exact");
  EXPECT_EQ(again.body, first.body);
  EXPECT_THAT(again.body, HasSubstr("resp_0"));
  EXPECT_EQ(Respond("", "hello").how(), "miss") << "never by meaning";
}

TEST_F(SharingTest, StoredResponsesAreNotShared) {
  Serve(Echo, [](GatewayOptions* options) { options->isolation = Isolation::kShared; });
  for (const std::string more : {"", R"(,"store":true)", R"(,"store":null)"}) {
    EXPECT_EQ(Respond(more).reason(), "server_state") << more;
  }
  EXPECT_EQ(Respond(R"(,"store":false)").how(), "miss");
  EXPECT_EQ(Respond(R"(,"store":false)").how(), "exact");
}

// They say much of the request again.
TEST_F(SharingTest, AResponseSaysNothingOfAnotherRequest) {
  Serve(Echo, [](GatewayOptions* options) { options->isolation = Isolation::kShared; });
  const std::string plain = R"(,"store":false)";
  Respond(plain);
  for (const std::string name :
       {"metadata", "user", "safety_identifier", "prompt_cache_key", "prompt_cache_options",
        "prompt_cache_retention", "service_tier", "instructions", "tool_choice", "truncation"}) {
    const auto with = [&](const std::string& value) {
      return plain + ",\"" + name + R"(":{"of":")" + value + "\"}";
    };
    EXPECT_EQ(Respond(with("anne")).how(), "miss") << name;
    const GatewayReply other = Respond(with("bert"));
    EXPECT_EQ(other.how(), "miss") << name;
    EXPECT_THAT(other.body, Not(HasSubstr("anne")));
    EXPECT_THAT(Respond(with("anne")).body, HasSubstr("anne"));
  }
  EXPECT_THAT(Respond(plain).body, Not(HasSubstr("anne")));
}

// Bifrost 2791: keys that no second process, or request, could make again.
TEST_F(SharingTest, AnotherGatewayFindsWhatOneHasStored) {
  Serve(Numbered);
  const std::vector<HttpHeader> key = {{.name = "authorization", .value = "Bearer k"}};
  EXPECT_EQ(HowWith(key), "miss");
  gateway_.reset();
  GatewayOptions options;
  options.listen = "127.0.0.1:0";
  options.upstreams.push_back({.name = "fake", .url = provider_->url()});
  auto gateway = Gateway::Start(core_.get(), options, "secret");
  ASSERT_THAT(gateway, IsOk());
  gateway_ = *std::move(gateway);
  EXPECT_EQ(HowWith(key), "exact");
}

// Most providers say so of every answer.
TEST_F(SharingTest, WhatTheProviderSaysOfCachesDoesNotCount) {
  Serve([](const FakeHttpRequest&, std::size_t) {
    FakeHttpAnswer answer = Json(ChatBody("Hello."));
    answer.headers.emplace_back("cache-control", "no-cache, no-store, private");
    answer.headers.emplace_back("vary", "*");
    return answer;
  });
  Chat("Hello?");
  EXPECT_EQ(Chat("Hello?").how(), "exact");
}

TEST_F(SharingTest, AThresholdOfTheCallerOnlyNarrows) {
  Serve(Numbered);
  const auto ask = [this](const std::string& text, const std::string& threshold) {
    return Post(kChat, ChatRequest(text),
                {{.name = "x-nearhit-cache-threshold", .value = threshold}});
  };
  ask("How do I reset my password?", "0");
  EXPECT_EQ(ask("How do I change my password?", "0").reason(), "below_threshold");
  EXPECT_EQ(ask("how do i reset my password", "0").how(), "semantic");
}

}  // namespace
}  // namespace nearhit::server
