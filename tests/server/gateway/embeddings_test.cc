// POST /v1/embeddings over real sockets. The provider's vectors depend on the text alone.
#include <algorithm>
#include <cstring>
#include <future>
#include <mutex>

#include <nlohmann/json.hpp>

#include "server/dialect/base64.h"
#include "tests/server/gateway/gateway_fixture.h"
#include "tests/support/signal.h"

namespace nearhit::server {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr char kEmbeddings[] = "/v1/embeddings";

std::vector<float> VectorOf(const json& input) {
  const std::size_t hash = std::hash<std::string>()(input.dump());
  std::vector<float> vector;
  for (std::size_t i = 0; i < 8; ++i) {
    vector.push_back(static_cast<float>((hash >> (i * 8)) & 0xFFU) / 7.0F - 18.0F);
  }
  return vector;
}

json InputsOf(const json& request) {
  const json& input = request["input"];
  const bool is_one = input.is_string() || (!input.empty() && input[0].is_number());
  return is_one ? json::array({input}) : input;
}

// As a provider does it: base64 when asked, otherwise numbers.
json AnswerTo(const json& request) {
  json data = json::array();
  for (const json& input : InputsOf(request)) {
    const std::vector<float> vector = VectorOf(input);
    json embedding = vector;
    if (request.value("encoding_format", "float") == "base64") {
      std::string text;
      AppendBase64(&text, {reinterpret_cast<const char*>(vector.data()), vector.size() * 4});
      embedding = text;
    }
    data.push_back({{"object", "embedding"}, {"index", data.size()}, {"embedding", embedding}});
  }
  const std::size_t tokens = 10 * data.size();
  return {{"object", "list"},
          {"data", data},
          {"model", request["model"]},
          {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}};
}

FakeHttpAnswer Provide(const FakeHttpRequest& request, std::size_t) {
  return Json(AnswerTo(json::parse(request.body)).dump());
}

std::string Request(const json& input, const json& more = json::object()) {
  json request = {{"model", "embed-1"}, {"input", input}};
  request.update(more);
  return request.dump();
}

class EmbeddingsGatewayTest : public GatewayTest {
 protected:
  // Posts, and compares the vectors with those that the provider would have sent.
  GatewayReply Ask(const std::string& request, const std::vector<HttpHeader>& headers = {}) {
    GatewayReply reply = Post(kEmbeddings, request, headers);
    EXPECT_EQ(reply.status, 200) << reply.body;
    const json got = json::parse(reply.body, nullptr, false);
    const json expected = AnswerTo(json::parse(request));
    EXPECT_EQ(got["model"], expected["model"]);
    EXPECT_EQ(got["object"], "list");
    EXPECT_EQ(got["data"].size(), expected["data"].size());
    for (std::size_t i = 0; i < std::min(got["data"].size(), expected["data"].size()); ++i) {
      EXPECT_EQ(got["data"][i]["index"], i);
      EXPECT_EQ(got["data"][i]["object"], "embedding");
      const json& vector = got["data"][i]["embedding"];
      if (vector.is_string()) {
        EXPECT_EQ(vector, expected["data"][i]["embedding"]);
      } else {
        EXPECT_EQ(vector.get<std::vector<float>>(),
                  expected["data"][i]["embedding"].get<std::vector<float>>());
      }
    }
    return reply;
  }

  static std::size_t TokensOf(const GatewayReply& reply) {
    return json::parse(reply.body)["usage"]["prompt_tokens"].get<std::size_t>();
  }
  json LastInputs() { return json::parse(provider_->requests().back().body)["input"]; }
};

TEST_F(EmbeddingsGatewayTest, AMissPassesTheBytesOnAndAHitNeedsNoCall) {
  Serve(Provide);
  const std::string request = Request("One text");
  const GatewayReply miss = Ask(request);
  EXPECT_EQ(miss.how(), "miss");
  EXPECT_EQ(miss.reason(), "");
  EXPECT_EQ(miss.body, AnswerTo(json::parse(request)).dump());
  EXPECT_EQ(miss.Header("cache-status"), R"(nearhit; fwd=uri-miss; fwd-status=200; detail="0/1")");
  EXPECT_EQ(provider_->requests().front().body, request);
  const GatewayReply hit = Ask(request);
  EXPECT_EQ(hit.how(), "exact");
  EXPECT_EQ(hit.Header("cache-status"), R"(nearhit; hit; detail="1/1")");
  EXPECT_EQ(hit.Header("content-type"), "application/json");
  EXPECT_EQ(hit.Header("age"), "0");
  EXPECT_NE(hit.Header("x-nearhit-entry-id"), "");
  EXPECT_NE(hit.Header("x-request-id"), "");
  EXPECT_EQ(TokensOf(hit), 0U) << "nothing was asked";
  EXPECT_EQ(calls(), 1U);
  EXPECT_EQ(gateway_->metrics().requests(Served::kExact), 1U);
}

TEST_F(EmbeddingsGatewayTest, AsksOnlyForWhatIsMissing) {
  Serve(Provide);
  Ask(Request({"a", "b", "c"}));
  const GatewayReply partial = Ask(Request({"x", "b", "y", "a", "x", "z"}));
  EXPECT_EQ(partial.how(), "partial");
  EXPECT_EQ(partial.Header("cache-status"),
            R"(nearhit; fwd=partial; fwd-status=200; detail="2/6")");
  EXPECT_EQ(LastInputs(), json({"x", "y", "z"})) << "each once";
  EXPECT_EQ(TokensOf(partial), 30U) << "what was billed";
  EXPECT_EQ(Ask(Request({"z", "y", "x", "c", "b", "a"})).how(), "exact");
  EXPECT_EQ(Ask(Request("y")).how(), "exact");
  EXPECT_EQ(calls(), 2U);
  EXPECT_EQ(gateway_->metrics().requests(Served::kPartial), 1U);
}

TEST_F(EmbeddingsGatewayTest, OneEntryServesBothEncodings) {
  Serve(Provide);
  const json base64 = {{"encoding_format", "base64"}};
  Ask(Request({"a", "b"}, base64));
  EXPECT_EQ(Ask(Request({"a", "b"})).how(), "exact");
  EXPECT_EQ(Ask(Request({"b", "a"}, base64)).how(), "exact");
  EXPECT_EQ(Ask(Request({"b", "c"})).how(), "partial");
  EXPECT_EQ(Ask(Request({"c", "d"}, base64)).how(), "partial");
  EXPECT_EQ(Ask(Request({"d", "c"}, {{"encoding_format", "float"}, {"user", "u"}})).how(), "exact");
  EXPECT_EQ(calls(), 3U);
}

TEST_F(EmbeddingsGatewayTest, TokensAndTextsAreDifferentInputs) {
  Serve(Provide);
  Ask(Request({1, 2, 3}));
  EXPECT_EQ(Ask(Request(json::array({"1 2 3"}))).how(), "miss");
  EXPECT_EQ(Ask(Request(json::array({{1, 2, 3}}))).how(), "exact");
  EXPECT_EQ(Ask(Request(json::array({{1, 2}, {1, 2, 3}}))).how(), "partial");
  EXPECT_EQ(LastInputs(), json::array({{1, 2}}));
}

TEST_F(EmbeddingsGatewayTest, EmptyAndLongTextsAreInputs) {
  Serve(Provide);
  const std::string large(300'000, 'x');
  Ask(Request({"", large}));
  EXPECT_EQ(Ask(Request({large, ""})).how(), "exact");
  EXPECT_EQ(Ask(Request(large + "y")).how(), "miss");
}

TEST_F(EmbeddingsGatewayTest, TakesAllInputsOfALargeRequest) {
  Serve(Provide, [](GatewayOptions* options) { options->lookup_timeout_ms = 30'000; });
  json inputs = json::array();
  for (std::size_t i = 0; i < 2'048; ++i) {
    inputs.push_back("text " + std::to_string(i));
  }
  EXPECT_EQ(Ask(Request(inputs)).how(), "miss");
  inputs[1'000] = "another text";
  const GatewayReply partial = Ask(Request(inputs, {{"encoding_format", "base64"}}));
  EXPECT_EQ(partial.how(), "partial");
  EXPECT_EQ(LastInputs(), json({"another text"}));
  EXPECT_EQ(Ask(Request(inputs)).how(), "exact");
  inputs.push_back("one more");
  const GatewayReply too_many = Post(kEmbeddings, Request(inputs));
  EXPECT_EQ(too_many.how(), "bypass");
  EXPECT_EQ(too_many.reason(), "input");
}

TEST_F(EmbeddingsGatewayTest, WhatAVectorDependsOnIsInTheScope) {
  Serve(Provide);
  Ask(Request("a"));
  EXPECT_EQ(Ask(Request("a", {{"dimensions", 8}})).how(), "miss");
  EXPECT_EQ(Ask(Request("a", {{"model", "embed-2"}})).how(), "miss");
  EXPECT_EQ(Ask(Request("a", {{"truncate", "END"}})).how(), "miss");
  EXPECT_EQ(Ask(Request("a"), {{.name = "authorization", .value = "Bearer two"}}).how(), "miss");
  EXPECT_EQ(Post("/v1/embeddings?v=2", Request("a")).how(), "miss");
  EXPECT_EQ(Ask(Request("a", {{"user", "somebody"}})).how(), "exact");
}

TEST_F(EmbeddingsGatewayTest, ControlsOfTheCaller) {
  Serve(Provide);
  const auto with = [](const std::string& name, const std::string& value) {
    return std::vector<HttpHeader>{{.name = name, .value = value}};
  };
  EXPECT_EQ(Ask(Request("a"), with("cache-control", "no-store")).how(), "bypass");
  EXPECT_EQ(Ask(Request("a"), with("x-nearhit-cache", "off")).reason(), "off");
  EXPECT_EQ(Post(kEmbeddings, Request("a"), with("cache-control", "only-if-cached")).status, 504);
  EXPECT_EQ(Post(kEmbeddings, Request("a"), with("x-nearhit-cache", "perhaps")).status, 400);
  EXPECT_EQ(Ask(Request("a", {{"cache", {{"ttl", 600}}}})).how(), "miss");
  EXPECT_THAT(provider_->requests().back().body, Not(HasSubstr("cache")));
  EXPECT_THAT(Ask(Request("a")).Header("cache-status"), HasSubstr("; hit; ttl=59"));
  EXPECT_EQ(Ask(Request("a"), with("cache-control", "only-if-cached")).how(), "exact");
  const std::string two = Request({"a", "b"});
  EXPECT_EQ(Post(kEmbeddings, two, with("cache-control", "only-if-cached")).status, 504);
  const GatewayReply again = Ask(Request("a"), with("cache-control", "no-cache"));
  EXPECT_EQ(again.how(), "miss");
  EXPECT_THAT(again.Header("cache-status"), HasSubstr("fwd=request"));
  EXPECT_EQ(Ask(Request("a"), with("cache-control", "min-fresh=900")).how(), "exact")
      << "the entry of the last answer has no TTL";
  EXPECT_EQ(Ask(Request("a"), with("x-nearhit-cache-namespace", "mine")).how(), "miss");
}

TEST_F(EmbeddingsGatewayTest, AShadowAsksForEverything) {
  Serve(Provide, [](GatewayOptions* options) { options->shadow = true; });
  Ask(Request({"a", "b"}));
  const GatewayReply reply = Ask(Request({"a", "c"}));
  EXPECT_EQ(reply.how(), "miss");
  EXPECT_EQ(reply.reason(), "shadow");
  EXPECT_THAT(reply.Header("cache-status"), HasSubstr(R"(detail="1/2")"));
}

TEST_F(EmbeddingsGatewayTest, IdenticalRequestsMakeOneCall) {
  settles_ = false;
  Signal asked;
  Signal go_on;
  Serve([&](const FakeHttpRequest& request, std::size_t index) {
    if (index > 0) {
      asked.Say();
      go_on.Await();
    }
    return Provide(request, index);
  });
  Ask(Request("known"));
  Settle();
  std::vector<std::future<GatewayReply>> replies;
  for (std::size_t i = 0; i < 20; ++i) {
    replies.push_back(std::async(std::launch::async, [this] {
      return Ask(Request({"known", "new", "newer"}));
    }));
  }
  asked.Await();
  go_on.Say();
  for (std::future<GatewayReply>& reply : replies) {
    EXPECT_THAT(reply.get().how(), testing::AnyOf("partial", "exact"));
  }
  Settle();
  EXPECT_EQ(calls(), 2U);
}

TEST_F(EmbeddingsGatewayTest, IdenticalMissesShareTheBytes) {
  settles_ = false;
  Signal asked;
  Signal go_on;
  Serve([&](const FakeHttpRequest& request, std::size_t index) {
    asked.Say();
    go_on.Await();
    return Provide(request, index);
  });
  std::vector<std::future<GatewayReply>> replies;
  for (std::size_t i = 0; i < 20; ++i) {
    replies.push_back(std::async(std::launch::async, [this] {
      return Ask(Request({"new", "newer"}));
    }));
  }
  asked.Await();
  go_on.Say();
  std::map<std::string, std::size_t> how;
  for (std::future<GatewayReply>& future : replies) {
    const GatewayReply reply = future.get();
    ++how[reply.how()];
    if (reply.how() == "miss" || reply.how() == "coalesced") {
      EXPECT_EQ(reply.body, AnswerTo(json::parse(Request({"new", "newer"}))).dump());
    }
  }
  EXPECT_EQ(how["miss"], 1U);
  EXPECT_LE(calls(), 1U + how["partial"]) << "some may come between the stores of the two items";
}

TEST_F(EmbeddingsGatewayTest, ALookupThatTakesTooLongIsAMiss) {
  Serve(Provide, [](GatewayOptions* options) { options->lookup_timeout_ms = 1; });
  json inputs = json::array();
  for (std::size_t i = 0; i < 2'048; ++i) {
    inputs.push_back("text " + std::to_string(i));
  }
  for (int i = 0; i < 4; ++i) {
    const GatewayReply reply = Ask(Request(inputs));
    EXPECT_TRUE(reply.how() == "exact" || reply.how() == "miss") << reply.how();
  }
}

TEST_F(EmbeddingsGatewayTest, ErrorsOfTheProviderPassThrough) {
  const auto fails = std::make_shared<std::atomic<bool>>(false);
  Serve([&, fails](const FakeHttpRequest& request, std::size_t index) {
    FakeHttpAnswer answer = Json(R"({"error":{"message":"slow down"}})", 429);
    answer.headers.emplace_back("retry-after", "7");
    return *fails ? answer : Provide(request, index);
  });
  Ask(Request("a"));
  *fails = true;
  for (const json& input : {json({"a", "b"}), json("b")}) {
    const GatewayReply reply = Post(kEmbeddings, Request(input));
    EXPECT_EQ(reply.status, 429);
    EXPECT_EQ(reply.body, R"({"error":{"message":"slow down"}})");
    EXPECT_EQ(reply.Header("retry-after"), "7");
  }
  *fails = false;
  EXPECT_EQ(Ask(Request({"a", "b"})).how(), "partial");
}

TEST_F(EmbeddingsGatewayTest, AProviderThatIsCutOffIsABadGateway) {
  const auto fails = std::make_shared<std::atomic<bool>>(false);
  Serve([&, fails](const FakeHttpRequest& request, std::size_t index) {
    FakeHttpAnswer answer = Provide(request, index);
    answer.hang_up = *fails;
    return answer;
  });
  Ask(Request("a"));
  *fails = true;
  EXPECT_EQ(Post(kEmbeddings, Request({"a", "b"})).status, 502);
  EXPECT_EQ(Post(kEmbeddings, Request("b")).status, 502);
}

TEST_F(EmbeddingsGatewayTest, AnAnswerInPiecesIsPutTogether) {
  Serve([&](const FakeHttpRequest& request, std::size_t index) {
    FakeHttpAnswer answer = Provide(request, index);
    answer.next_piece = [body = std::exchange(answer.body, {}), at = std::size_t{0}]() mutable {
      const std::size_t begin = std::exchange(at, at + 37);
      return begin < body.size() ? std::optional(body.substr(begin, 37)) : std::nullopt;
    };
    return answer;
  });
  EXPECT_EQ(Ask(Request({"a", "b"})).how(), "miss");
  EXPECT_EQ(Ask(Request({"a", "c"})).how(), "partial");
  EXPECT_EQ(Ask(Request({"c", "b"})).how(), "exact");
}

// Vectors of two models must not come in one answer.
TEST_F(EmbeddingsGatewayTest, AModelThatHasMovedIsAskedForEverything) {
  std::string model = "embed-1-2024";
  Serve([&](const FakeHttpRequest& request, std::size_t) {
    json answer = AnswerTo(json::parse(request.body));
    answer["model"] = model;
    return Json(answer.dump());
  });
  Post(kEmbeddings, Request({"a", "b"}));
  EXPECT_EQ(json::parse(Post(kEmbeddings, Request("a")).body)["model"], "embed-1-2024");
  model = "embed-1-2025";
  const GatewayReply moved = Post(kEmbeddings, Request({"a", "c"}));
  EXPECT_EQ(moved.how(), "miss");
  EXPECT_EQ(moved.reason(), "not_merged");
  EXPECT_EQ(LastInputs(), json({"a", "c"}));
  EXPECT_EQ(json::parse(moved.body)["model"], "embed-1-2025");
  EXPECT_EQ(Post(kEmbeddings, Request({"a", "b"})).reason(), "model_changed");
  EXPECT_EQ(Post(kEmbeddings, Request({"a", "b", "c"})).how(), "exact");
}

TEST_F(EmbeddingsGatewayTest, AnswersOfAnotherShapePassThroughAndAreNotStored) {
  std::string answer;
  Serve([&](const FakeHttpRequest&, std::size_t) { return Json(answer); });
  for (const std::string body :
       {R"({"data":[]})", "{}", R"({"data":[{"index":0,"embedding":[1],"lexical":{}}]})"}) {
    answer = body;
    for (int i = 0; i < 2; ++i) {
      const GatewayReply reply = Post(kEmbeddings, Request("a"));
      EXPECT_EQ(reply.body, body);
      EXPECT_EQ(reply.how(), "miss");
    }
  }
}

TEST_F(EmbeddingsGatewayTest, OddRequestsPassThroughUntouched) {
  Serve([](const FakeHttpRequest&, std::size_t) { return Json("{}", 400); });
  for (const std::string body : {"not JSON", R"({"model":"m","input":[]})", R"({"input":"x"})",
                                 R"({"model":"m","input":[{"image":"x"}]})"}) {
    const GatewayReply reply = Post(kEmbeddings, body);
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.how(), "bypass");
    EXPECT_EQ(provider_->requests().back().body, body);
  }
  EXPECT_EQ(Send("GET", kEmbeddings, "").how(), "bypass");
}

TEST_F(EmbeddingsGatewayTest, ABrokenCacheStopsNoRequest) {
  Serve(Provide);
  Ask(Request("a"));
  ASSERT_THAT(db_->DropNamespace("gateway-exact"), IsOk());
  const GatewayReply reply = Ask(Request("a"));
  EXPECT_EQ(reply.how(), "miss");
  EXPECT_EQ(reply.reason(), "cache_error");
  json inputs = json::array();
  for (int i = 0; i < 200; ++i) {
    inputs.push_back("text " + std::to_string(i));
  }
  EXPECT_EQ(Ask(Request(inputs)).reason(), "cache_error");
}

}  // namespace
}  // namespace nearhit::server
