// How hits come to a client, over real sockets.
#include <algorithm>

#include "tests/server/gateway/gateway_fixture.h"

namespace nearhit::server {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kStreamWithUsage[] = R"(,"stream":true,"stream_options":{"include_usage":true})";

class GatewayUsageTest : public GatewayTest {
 protected:
  void ServeZero(Handler provider) {
    Serve(std::move(provider),
          [](GatewayOptions* options) { options->hit_usage = HitUsage::kZero; });
  }
};

TEST_F(GatewayUsageTest, AHitSaysThatItTookNoTokens) {
  ServeZero([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Hello 5 times.")); });
  EXPECT_EQ(Chat("Hello?").body, ChatBody("Hello 5 times.")) << "not in what the provider says";
  const GatewayReply again = Chat("Hello?");
  ASSERT_EQ(again.how(), "exact");
  std::string expected = ChatBody("Hello 5 times.");
  const std::string usage = R"({"prompt_tokens":5,"completion_tokens":2,"total_tokens":7})";
  expected.replace(expected.find(usage), usage.size(),
                   R"({"prompt_tokens":0,"completion_tokens":0,"total_tokens":0})");
  EXPECT_EQ(again.body, expected);
  EXPECT_THAT(Send("GET", "/metrics", "").body,
              HasSubstr(R"(nearhit_gateway_tokens_saved_total{type="input"} 5)"))
      << "what is saved stays what it is";
  const GatewayReply stream = Chat("hello", kStreamWithUsage);
  ASSERT_EQ(stream.how(), "semantic");
  EXPECT_THAT(stream.body, HasSubstr(R"("total_tokens":0})"));
  EXPECT_THAT(stream.body, HasSubstr("Hello 5 times."));
}

TEST_F(GatewayUsageTest, SoDoesAStream) {
  ServeZero([](const FakeHttpRequest&, std::size_t) {
    return Events(ChatEvents({"One ", "two"}, true));
  });
  const GatewayReply first = Chat("Count.", kStreamWithUsage);
  EXPECT_THAT(first.body, HasSubstr(R"("prompt_tokens":5,)"));
  const GatewayReply again = Chat("Count.", kStreamWithUsage);
  ASSERT_EQ(again.how(), "exact");
  EXPECT_THAT(again.body,
              HasSubstr(R"({"prompt_tokens":0,"completion_tokens":0,"total_tokens":0})"));
  EXPECT_EQ(again.body.size(), first.body.size()) << "numbers of one digit";
}

TEST_F(GatewayUsageTest, AHitSaysWhatWasRecordedUnlessConfigured) {
  Serve([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Hello.")); });
  Chat("Hello?");
  EXPECT_EQ(Chat("Hello?").body, ChatBody("Hello."));
}

class DeliveryTest : public GatewayTest {
 protected:
  std::string Metrics() const { return Send("GET", "/metrics", "").body; }
};

// Bifrost 3049 lost on the way into a stream what it knew of a hit; Kong had no time to the first
// byte of one.
TEST_F(DeliveryTest, AHitThatIsAStreamSaysAllThatAnotherDoes) {
  Serve([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Hello.")); },
        [](GatewayOptions* options) {
          options->prices = {{.model = "m", .input = 100, .output = 250}};
        });
  Chat("Hello?");
  const GatewayReply plain = Chat("Hello?");
  const GatewayReply stream = Chat("Hello?", kStreamWithUsage);
  EXPECT_EQ(plain.Header("content-type"), "application/json");
  EXPECT_EQ(stream.Header("content-type"), "text/event-stream; charset=utf-8");
  for (const std::string name : {"x-nearhit-status", "x-nearhit-similarity", "x-nearhit-entry-id",
                                 "x-nearhit-saved-usd", "cache-status"}) {
    EXPECT_NE(plain.Header(name), "") << name;
    EXPECT_EQ(stream.Header(name), plain.Header(name)) << name;
  }
  EXPECT_NE(stream.Header("age"), "");
  const std::string id = stream.Header("x-nearhit-request-id");
  EXPECT_NE(id, plain.Header("x-nearhit-request-id"));
  EXPECT_THAT(Send("GET", "/nearhit/v1/explain?request_id=" + id, "").body,
              HasSubstr(R"("status":"exact")"));
  EXPECT_THAT(Metrics(), HasSubstr("nearhit_gateway_request_seconds_count{status=\"exact\"} 2\n"));
  EXPECT_THAT(Metrics(), HasSubstr("nearhit_gateway_tokens_saved_total{type=\"output\"} 4\n"));
}

// Kong ended streams of hits with other bytes: clients compare them.
TEST_F(DeliveryTest, AStreamEndsWithItsTerminatorAndNothingElse) {
  Serve([](const FakeHttpRequest& request, std::size_t) {
    return request.body.find("\"stream\":true") == std::string::npos
               ? Json(ChatBody("Hello."))
               : Events(ChatEvents({"Hello."}, true));
  });
  Chat("Hello?");
  const std::string more = R"(,"stream":true)";
  Chat("Who?", more);
  for (const std::string text : {"Hello?", "Who?"}) {
    for (const std::string& options : {more, std::string(kStreamWithUsage)}) {
      const GatewayReply hit = Chat(text, options);
      ASSERT_EQ(hit.how(), "exact");
      EXPECT_THAT(hit.body, testing::EndsWith("}\n\ndata: [DONE]\n\n"));
      EXPECT_EQ(hit.body.find("[DONE]"), hit.body.rfind("[DONE]"));
      EXPECT_EQ(hit.body.find("\"usage\":{") != std::string::npos, options != more);
    }
  }
}

TEST_F(DeliveryTest, EveryAnswerNamesItsRequest) {
  std::string own;
  Serve([&own](const FakeHttpRequest&, std::size_t) {
    FakeHttpAnswer answer = Json(ChatBody("Hello."));
    if (!own.empty()) {
      answer.headers.emplace_back("x-request-id", own);
    }
    return answer;
  });
  for (const std::string how : {"miss", "exact"}) {
    const GatewayReply reply = Chat("Hello?");
    EXPECT_EQ(reply.how(), how);
    EXPECT_THAT(reply.Header("x-request-id"), testing::StartsWith("req_")) << how;
  }
  const std::string messages =
      R"({"model":"m","max_tokens":5,"messages":[{"role":"user","content":"Hi"}]})";
  EXPECT_THAT(Post("/v1/messages", messages).Header("request-id"), testing::StartsWith("req_"));
  EXPECT_EQ(Send("GET", "/v1/models", "").Header("x-request-id"), "") << "it is not changed";
  own = "theirs";
  const GatewayReply named = Chat("Who is there?");
  EXPECT_EQ(named.Header("x-request-id"), "theirs");
  EXPECT_EQ(std::count_if(named.headers.begin(), named.headers.end(),
                          [](const HttpHeader& header) { return header.name == "x-request-id"; }),
            1);
  EXPECT_THAT(Chat("Who is there?").Header("x-request-id"), testing::StartsWith("req_"));
}

// Clients go by what the provider says of limits and tries; a hit says nothing that is out of date.
TEST_F(DeliveryTest, LimitsOfTheProviderComeFromTheProvider) {
  const std::vector<std::string> names = {"x-should-retry", "retry-after-ms",
                                          "x-ratelimit-remaining-requests",
                                          "anthropic-ratelimit-tokens-remaining"};
  Serve([&names](const FakeHttpRequest&, std::size_t) {
    FakeHttpAnswer answer = Json(ChatBody("Hello."));
    for (const std::string& name : names) {
      answer.headers.emplace_back(name, "1");
    }
    return answer;
  });
  const GatewayReply miss = Chat("Hello?");
  const GatewayReply hit = Chat("Hello?");
  ASSERT_EQ(hit.how(), "exact");
  for (const std::string& name : names) {
    EXPECT_EQ(miss.Header(name), "1") << name;
    EXPECT_EQ(hit.Header(name), "") << name;
  }
}

// Thoughts about another prompt would come back as the model's own.
TEST_F(DeliveryTest, AHitByMeaningHasNoThoughts) {
  std::string thinking = ChatBody("Use the link.");
  thinking.insert(thinking.find("\"content\""), R"("reasoning_content":"They forgot.",)");
  Serve([&thinking](const FakeHttpRequest&, std::size_t) { return Json(thinking); });
  Chat("How do I reset my password?");
  EXPECT_EQ(Chat("How do I reset my password?").body, thinking);
  for (const std::string more : {"", R"(,"stream":true)"}) {
    const GatewayReply other = Chat("how do i reset my password", more);
    ASSERT_EQ(other.how(), "semantic");
    EXPECT_THAT(other.body, HasSubstr("Use the link."));
    EXPECT_THAT(other.body, Not(HasSubstr("They forgot.")));
  }
}

}  // namespace
}  // namespace nearhit::server
