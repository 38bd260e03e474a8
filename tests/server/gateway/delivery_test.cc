// How hits come to a client, over real sockets.
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

}  // namespace
}  // namespace nearhit::server
