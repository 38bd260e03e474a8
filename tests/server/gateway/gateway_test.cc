// The gateway over real sockets.
#include "server/gateway/gateway.h"

#include <barrier>
#include <future>

#include "tests/server/gateway/gateway_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/signal.h"

namespace nearhit::server {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_F(GatewayTest, ItsNamespaceHasTheModelOfTheServer) {
  Serve([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Hello.")); });
  ServiceCore core(db_.get(), ServerOptions(), "/no/such/model");
  GatewayOptions options;
  options.listen = "127.0.0.1:0";
  options.name_space = "new";
  options.upstreams.push_back({.name = "fake", .url = provider_->url()});
  RegisterEmbedder("local", [](const EmbedderSpec& spec, std::size_t) {
    return Result<std::shared_ptr<const Embedder>>(InvalidArgument("model " + spec.model));
  });
  const Status started = Gateway::Start(&core, options, "secret", nullptr).status();
  EXPECT_THAT(std::string(started.message()), HasSubstr("model /no/such/model"));
  EXPECT_THAT(core.Stop(true), IsOk());
}

TEST_F(GatewayTest, ServesTheSameRequestAgain) {
  Serve([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Hello.")); });
  const GatewayReply first = Post(kChat, ChatRequest("How do I reset my password?"));
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.body, ChatBody("Hello."));
  EXPECT_EQ(first.how(), "miss");
  EXPECT_EQ(first.reason(), "empty");
  EXPECT_EQ(first.Header("cache-status"), "nearhit; fwd=uri-miss; fwd-status=200; detail=empty");
  const GatewayReply again = Post(kChat, ChatRequest("How do I reset my password?"));
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body, ChatBody("Hello."));
  EXPECT_EQ(again.how(), "exact");
  EXPECT_EQ(again.Header("cache-status"), "nearhit; hit; detail=exact");
  EXPECT_EQ(again.Header("age"), "0");
  EXPECT_THAT(again.Header("x-request-id"), StartsWith("req_"));
  EXPECT_EQ(calls(), 1U);
}

TEST_F(GatewayTest, ServesTheSameInOtherWords) {
  Serve([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Use the link.")); });
  Post(kChat, ChatRequest("How do I reset my password?"));
  const GatewayReply other = Post(kChat, ChatRequest("how do i reset my password"));
  EXPECT_EQ(other.how(), "semantic");
  EXPECT_EQ(other.body, ChatBody("Use the link."));
  EXPECT_THAT(other.Header("cache-status"), HasSubstr("detail=semantic"));
  EXPECT_GT(std::stod(other.Header("x-nearhit-similarity")), 0.85);
  const GatewayReply unlike = Post(kChat, ChatRequest("Where is your office?"));
  EXPECT_EQ(unlike.how(), "miss");
  EXPECT_EQ(unlike.reason(), "below_threshold");
  EXPECT_EQ(calls(), 2U);
}

TEST_F(GatewayTest, OneEntryServesBothWireModes) {
  Serve([](const FakeHttpRequest& request, std::size_t) {
    return request.body.find("\"stream\":true") == std::string::npos
               ? Json(ChatBody("One two"))
               : Events(ChatEvents({"One ", "two"}, true));
  });
  const std::string stream = R"(,"stream":true)";
  const GatewayReply whole = Post(kChat, ChatRequest("What comes after one?"));
  EXPECT_EQ(whole.how(), "miss");
  const GatewayReply as_stream = Post(kChat, ChatRequest("What comes after one?", stream));
  EXPECT_EQ(as_stream.how(), "exact");
  EXPECT_THAT(as_stream.Header("content-type"), StartsWith("text/event-stream"));
  EXPECT_THAT(as_stream.body, HasSubstr("One two"));
  EXPECT_THAT(as_stream.body, HasSubstr("data: [DONE]\n\n"));

  const GatewayReply streamed = Post(kChat, ChatRequest("And after two?", stream));
  EXPECT_EQ(streamed.how(), "miss");
  std::string expected;
  for (const std::string& block : ChatEvents({"One ", "two"}, false)) {
    expected += block;
  }
  EXPECT_EQ(streamed.body, expected) << "usage was asked for the gateway, not for the client";
  EXPECT_THAT(provider_->requests().back().body, HasSubstr(R"("include_usage":true)"));
  const GatewayReply replayed = Post(kChat, ChatRequest("And after two?", stream));
  EXPECT_EQ(replayed.how(), "exact");
  EXPECT_EQ(replayed.body, expected);
  const GatewayReply joined = Post(kChat, ChatRequest("And after two?"));
  EXPECT_EQ(joined.how(), "exact");
  EXPECT_THAT(joined.body, HasSubstr(R"("content":"One two")"));
  EXPECT_THAT(joined.body, HasSubstr(R"("total_tokens":7)"));
  const GatewayReply with_usage = Post(
      kChat, ChatRequest("And after two?", stream + R"(,"stream_options":{"include_usage":true})"));
  EXPECT_EQ(with_usage.how(), "exact");
  EXPECT_THAT(with_usage.body, HasSubstr(R"("total_tokens":7)"));
  EXPECT_EQ(calls(), 2U);
}

TEST_F(GatewayTest, CallersDoNotShareUnlessTheyMay) {
  Serve([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Hello.")); });
  const std::vector<HttpHeader> one = {{.name = "authorization", .value = "Bearer one"}};
  const std::vector<HttpHeader> two = {{.name = "authorization", .value = "Bearer two"}};
  EXPECT_EQ(Post(kChat, ChatRequest("Who am I?"), one).how(), "miss");
  EXPECT_EQ(Post(kChat, ChatRequest("Who am I?"), two).how(), "miss");
  EXPECT_EQ(Post(kChat, ChatRequest("Who am I?"), one).how(), "exact");
  EXPECT_EQ(provider_->requests().front().headers.at("authorization"), "Bearer one");
}

TEST_F(GatewayTest, CallersShareWhenConfigured) {
  Serve([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Hello.")); },
        [](GatewayOptions* options) { options->isolation = Isolation::kShared; });
  Post(kChat, ChatRequest("Who am I?"), {{.name = "authorization", .value = "Bearer one"}});
  EXPECT_EQ(Post(kChat, ChatRequest("Who am I?"), {{.name = "x-api-key", .value = "two"}}).how(),
            "exact");
}

TEST_F(GatewayTest, IdenticalRequestsMakeOneCall) {
  settles_ = false;
  Signal asked;
  Signal go_on;
  Serve([&](const FakeHttpRequest&, std::size_t) {
    asked.Say();
    go_on.Await();
    return Json(ChatBody("Hello."));
  });
  constexpr std::size_t kClients = 20;
  std::vector<std::future<GatewayReply>> replies;
  replies.reserve(kClients);
  for (std::size_t i = 0; i < kClients; ++i) {
    replies.push_back(std::async(std::launch::async,
                                 [this] { return Post(kChat, ChatRequest("Who are you?")); }));
  }
  asked.Await();
  go_on.Say();
  std::size_t misses = 0;
  for (std::future<GatewayReply>& future : replies) {
    const GatewayReply reply = future.get();
    EXPECT_EQ(reply.body, ChatBody("Hello."));
    misses += reply.how() == "miss" ? 1 : 0;
  }
  EXPECT_EQ(misses, 1U);
  EXPECT_EQ(calls(), 1U);
}

TEST_F(GatewayTest, AFailedCallIsTriedByThoseWhoWait) {
  settles_ = false;
  Signal asked;
  Signal go_on;
  Serve([&](const FakeHttpRequest&, std::size_t index) -> FakeHttpAnswer {
    asked.Say();
    go_on.Await();
    return index == 0 ? FakeHttpAnswer{.hang_up = true} : Json(ChatBody("Hello."));
  });
  std::vector<std::future<GatewayReply>> replies;
  replies.reserve(5);
  for (int i = 0; i < 5; ++i) {
    replies.push_back(std::async(std::launch::async,
                                 [this] { return Post(kChat, ChatRequest("Still there?")); }));
  }
  asked.Await();
  ASSERT_TRUE(Eventually([this] { return gateway_->connections() == 5; }));
  YieldOften();
  go_on.Say();
  std::size_t failed = 0;
  for (std::future<GatewayReply>& future : replies) {
    failed += future.get().status == 200 ? 0 : 1;
  }
  EXPECT_LE(failed, 1U) << "that of the first";
  EXPECT_LE(calls(), 3U);
}

TEST_F(GatewayTest, ACutStreamDoesNotEndCleanlyAndIsNotStored) {
  Serve([](const FakeHttpRequest&, std::size_t) {
    std::vector<std::string> blocks = ChatEvents({"One ", "two ", "three"}, false);
    blocks.resize(2);
    return Events(blocks);
  });
  const std::string request = ChatRequest("Count to three.", R"(,"stream":true)");
  for (int i = 0; i < 2; ++i) {
    const GatewayReply reply = Post(kChat, request);
    EXPECT_EQ(reply.how(), "miss");
    EXPECT_FALSE(reply.whole);
    EXPECT_THAT(reply.body, HasSubstr("event: error"));
  }
  EXPECT_EQ(calls(), 2U);
}

TEST_F(GatewayTest, WhatMayNotBeStoredIsNot) {
  std::string answer;
  Serve([&](const FakeHttpRequest&, std::size_t) { return Json(answer); });
  const auto with_finish = [](const std::string& reason) {
    std::string body = ChatBody("Hello.");
    body.replace(body.find("\"stop\""), 6, "\"" + reason + "\"");
    return body;
  };
  for (const std::string reason : {"length", "content_filter"}) {
    answer = with_finish(reason);
    EXPECT_EQ(Post(kChat, ChatRequest("A question about " + reason)).body, answer);
    EXPECT_EQ(Post(kChat, ChatRequest("A question about " + reason)).how(), "miss") << reason;
  }
  answer = R"({"not":"an answer"})";
  Post(kChat, ChatRequest("Something else"));
  EXPECT_EQ(Post(kChat, ChatRequest("Something else")).how(), "miss");
}

TEST_F(GatewayTest, ErrorsOfTheProviderPassThroughAndAreNotStored) {
  Serve([](const FakeHttpRequest&, std::size_t) {
    FakeHttpAnswer answer = Json(R"({"error":{"message":"slow down"}})", 429);
    answer.headers.emplace_back("retry-after", "7");
    return answer;
  });
  for (int i = 0; i < 2; ++i) {
    const GatewayReply reply = Post(kChat, ChatRequest("Hello?"));
    EXPECT_EQ(reply.status, 429);
    EXPECT_EQ(reply.body, R"({"error":{"message":"slow down"}})");
    EXPECT_EQ(reply.Header("retry-after"), "7");
  }
  EXPECT_EQ(calls(), 2U);
}

TEST_F(GatewayTest, AProviderThatIsDownIsABadGateway) {
  Serve([](const FakeHttpRequest&, std::size_t) { return FakeHttpAnswer{.hang_up = true}; });
  const GatewayReply openai = Post(kChat, ChatRequest("Hello?"));
  EXPECT_EQ(openai.status, 502);
  EXPECT_THAT(openai.body, StartsWith(R"({"error":{)"));
  const GatewayReply anthropic =
      Post("/v1/messages",
           R"({"model":"m","max_tokens":5,"messages":[{"role":"user","content":"Hi"}]})");
  EXPECT_EQ(anthropic.status, 502);
  EXPECT_THAT(anthropic.body, StartsWith(R"({"type":"error")"));
}

TEST_F(GatewayTest, ControlsOfTheCaller) {
  Serve([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Hello.")); });
  const auto with = [](const std::string& name, const std::string& value) {
    return std::vector<HttpHeader>{{.name = name, .value = value}};
  };
  const std::string request = ChatRequest("Is this on?");
  EXPECT_EQ(Post(kChat, request, with("cache-control", "only-if-cached")).status, 504);
  EXPECT_EQ(calls(), 0U);
  EXPECT_EQ(Post(kChat, request, with("cache-control", "no-store")).how(), "bypass");
  EXPECT_EQ(Post(kChat, request, with("x-nearhit-cache", "off")).how(), "bypass");
  EXPECT_EQ(Post(kChat, request).how(), "miss");
  EXPECT_EQ(Post(kChat, request, with("cache-control", "only-if-cached")).how(), "exact");
  EXPECT_EQ(Post(kChat, request, with("cache-control", "no-cache")).how(), "miss");
  EXPECT_EQ(Post(kChat, request, with("x-nearhit-cache-namespace", "mine")).how(), "miss");
  EXPECT_EQ(Post(kChat, ChatRequest("is this on"), with("x-nearhit-cache", "exact")).how(), "miss");
  EXPECT_EQ(
      Post(kChat, ChatRequest("is it this one"), with("x-nearhit-cache-threshold", "1.0")).how(),
      "miss");
  EXPECT_EQ(Post(kChat, request, with("x-nearhit-cache", "perhaps")).status, 400);
  EXPECT_EQ(Post(kChat, ChatRequest("Is this on?", R"(,"cache":{"no-cache":true})")).how(), "miss");
  EXPECT_THAT(provider_->requests().back().body, Not(HasSubstr("cache")));
}

TEST_F(GatewayTest, UnknownEndpointsPassThroughUntouched) {
  Serve([](const FakeHttpRequest& request, std::size_t) {
    return FakeHttpAnswer{.headers = {{"x-odd", "yes"}},
                          .body = request.method + " " + request.target};
  });
  const GatewayReply models = Send("GET", "/v1/models?limit=3", "");
  EXPECT_EQ(models.body, "GET /v1/models?limit=3");
  EXPECT_EQ(models.Header("x-odd"), "yes");
  EXPECT_EQ(models.how(), "bypass");
  EXPECT_EQ(Send("DELETE", "/v1/files/f-1", "").body, "DELETE /v1/files/f-1");
  EXPECT_EQ(Send("GET", "/openai/v1/models", "").body, "GET /v1/models");
  EXPECT_EQ(Send("GET", "/v1/realtime", "", {{.name = "upgrade", .value = "websocket"}}).status,
            501);
  EXPECT_EQ(Send("GET", "/healthz", "").body, "ok\n");
}

TEST_F(GatewayTest, AnEntryIsDeletedByItsCallerOnly) {
  Serve([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Hello.")); });
  const std::vector<HttpHeader> one = {{.name = "authorization", .value = "Bearer one"}};
  const std::vector<HttpHeader> two = {{.name = "authorization", .value = "Bearer two"}};
  Post(kChat, ChatRequest("Who am I?"), one);
  const GatewayReply hit = Post(kChat, ChatRequest("Who am I?"), one);
  const std::string feedback =
      R"({"entry_id":)" + hit.Header("x-nearhit-entry-id") + R"(,"verdict":"wrong"})";
  EXPECT_EQ(Post("/nearhit/v1/feedback", feedback, two).status, 404);
  EXPECT_EQ(Post(kChat, ChatRequest("Who am I?"), one).how(), "exact");
  EXPECT_EQ(Post("/nearhit/v1/feedback", feedback, one).status, 200);
  EXPECT_EQ(Post(kChat, ChatRequest("Who am I?"), one).how(), "miss");
}

TEST_F(GatewayTest, ExplainsALookup) {
  Serve([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Hello.")); });
  Post(kChat, ChatRequest("How do I reset my password?"));
  const GatewayReply hit = Post(kChat, ChatRequest("how do i reset my password"));
  const GatewayReply why =
      Send("GET", "/nearhit/v1/explain?request_id=" + hit.Header("x-nearhit-request-id"), "");
  EXPECT_EQ(why.status, 200);
  EXPECT_THAT(why.body, HasSubstr(R"("status":"semantic")"));
  EXPECT_THAT(why.body, HasSubstr(R"("matched":"How do I reset my password?")"));
  EXPECT_THAT(why.body, HasSubstr(R"("served":true)"));
  EXPECT_EQ(Send("GET", "/nearhit/v1/explain?request_id=req_0", "").status, 404);
  EXPECT_EQ(Send("GET", "/nearhit/v1/nothing", "").status, 404);
  EXPECT_EQ(Send("GET", "/nearhit/v1/feedback", "").status, 405);
  EXPECT_EQ(
      Send("POST", "/nearhit/v1/feedback", "{}", {{.name = "content-type", .value = "text/plain"}})
          .status,
      415);
}

TEST_F(GatewayTest, MetricsSayWhatWasServed) {
  Serve([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Hello.")); });
  Post(kChat, ChatRequest("Hello?"));
  Post(kChat, ChatRequest("Hello?"));
  const GatewayReply metrics = Send("GET", "/metrics", "");
  EXPECT_THAT(
      metrics.body,
      HasSubstr(R"(nearhit_gateway_requests_total{endpoint="chat",reason="",status="exact"} 1)"));
  EXPECT_THAT(
      metrics.body,
      HasSubstr(
          R"(nearhit_gateway_requests_total{endpoint="chat",reason="empty",status="miss"} 1)"));
  EXPECT_THAT(metrics.body, HasSubstr(R"(nearhit_gateway_tokens_saved_total{type="output"} 2)"));
  EXPECT_THAT(metrics.body, HasSubstr(R"(nearhit_exact_hits_total{namespace="gateway"} 1)"));
  EXPECT_THAT(metrics.body, HasSubstr(R"(nearhit_entries{namespace="gateway"} 1)"));
  EXPECT_THAT(metrics.body, HasSubstr("nearhit_gateway_stored_total 1"));
}

TEST_F(GatewayTest, ALargeAnswerPassesWhole) {
  const std::string large(std::size_t{8} << 20, 'x');
  Serve([&large](const FakeHttpRequest&, std::size_t) { return FakeHttpAnswer{.body = large}; });
  const GatewayReply reply = Send("GET", "/v1/files/f-1/content", "");
  EXPECT_TRUE(reply.whole);
  EXPECT_EQ(reply.body, large);
}

TEST_F(GatewayTest, AFallbackAnswersWhenTheFirstCannot) {
  FakeHttpServer broken([](const FakeHttpRequest&, std::size_t) { return Json("{}", 503); });
  Serve([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Hello.")); },
        [&broken](GatewayOptions* options) {
          options->upstreams.front().tier = 1;
          options->upstreams.push_back({.name = "broken", .url = broken.url()});
        });
  EXPECT_EQ(Post(kChat, ChatRequest("Anybody?")).body, ChatBody("Hello."));
  EXPECT_EQ(broken.requests().size(), 1U);
  EXPECT_EQ(calls(), 1U);
}

TEST_F(GatewayTest, AClosedDatabaseStopsNoRequest) {
  Serve([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Hello.")); });
  Post(kChat, ChatRequest("Are you there?"));
  ASSERT_THAT(db_->DropNamespace("gateway"), IsOk());
  const GatewayReply reply = Post(kChat, ChatRequest("Are you there?"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.reason(), "cache_error");
}

}  // namespace
}  // namespace nearhit::server
