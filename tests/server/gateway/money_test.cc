// What hits save, over real sockets: the answers of ChatBody() have 5 tokens in and 2 out.
#include <nlohmann/json.hpp>

#include "tests/server/gateway/gateway_fixture.h"

namespace nearhit::server {
namespace {

using testing::HasSubstr;
using testing::Not;

class GatewayMoneyTest : public GatewayTest {
 protected:
  // Models "m" at 100 and 250 dollars per million tokens.
  void ServePriced(Handler provider) {
    Serve(std::move(provider), [](GatewayOptions* options) {
      options->prices = {{.model = "m*", .input = 100, .output = 250}};
    });
  }
  std::string Metrics() { return Send("GET", "/metrics", "").body; }
  // Of a counter, with its labels; -1 when it is not there.
  double Counter(const std::string& name) {
    const std::string text = "\n" + Metrics();
    const std::size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }
};

TEST_F(GatewayMoneyTest, AHitSavesWhatTheAnswerHadCost) {
  ServePriced([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Hello.")); });
  EXPECT_EQ(Chat("Hello?").Header("x-nearhit-saved-usd"), "");
  EXPECT_DOUBLE_EQ(Counter(R"(nearhit_gateway_cost_usd_total{price="m*"})"), 0.001);
  EXPECT_EQ(Counter(R"(nearhit_gateway_saved_usd_total{price="m*"})"), -1);
  const GatewayReply again = Chat("Hello?");
  ASSERT_EQ(again.how(), "exact");
  EXPECT_EQ(again.Header("x-nearhit-saved-usd"), "0.001000");
  const GatewayReply stream = Chat("hello", R"(,"stream":true)");
  ASSERT_EQ(stream.how(), "semantic");
  EXPECT_EQ(stream.Header("x-nearhit-saved-usd"), "0.001000");
  EXPECT_DOUBLE_EQ(Counter(R"(nearhit_gateway_saved_usd_total{price="m*"})"), 0.002);
  EXPECT_DOUBLE_EQ(Counter(R"(nearhit_gateway_cost_usd_total{price="m*"})"), 0.001);
  EXPECT_EQ(Counter("nearhit_gateway_unpriced_total"), 0);
}

TEST_F(GatewayMoneyTest, AnUnknownModelCostsNothing) {
  Serve([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Hello.")); });
  Chat("Hello?");
  const GatewayReply again = Chat("Hello?");
  ASSERT_EQ(again.how(), "exact");
  EXPECT_EQ(again.Header("x-nearhit-saved-usd"), "");
  EXPECT_EQ(Counter("nearhit_gateway_unpriced_total"), 1);
  EXPECT_THAT(Metrics(), Not(HasSubstr("usd_total{")));
}

TEST_F(GatewayMoneyTest, AStreamCostsWhatItsLastChunkSays) {
  ServePriced([](const FakeHttpRequest&, std::size_t) {
    return Events(ChatEvents({"One ", "two"}, true));
  });
  Chat("What comes after one?", R"(,"stream":true)");
  EXPECT_EQ(Chat("What comes after one?", R"(,"stream":true)").Header("x-nearhit-saved-usd"),
            "0.001000");
}

TEST_F(GatewayMoneyTest, AHitSavesTheTimeThatTheProviderTook) {
  ServePriced([](const FakeHttpRequest&, std::size_t) {
    FakeHttpAnswer answer = Json(ChatBody("Hello."));
    answer.delay = std::chrono::milliseconds(30);
    return answer;
  });
  Chat("Hello?");
  EXPECT_EQ(Counter("nearhit_gateway_saved_seconds_total"), 0);
  Chat("Hello?");
  const double one = Counter("nearhit_gateway_saved_seconds_total");
  EXPECT_GE(one, 0.030);
  Chat("Hello?");
  EXPECT_NEAR(Counter("nearhit_gateway_saved_seconds_total"), 2 * one, 1e-6);
}

TEST_F(GatewayMoneyTest, EachInputOfEmbeddingsHasItsShare) {
  ServePriced([](const FakeHttpRequest& request, std::size_t) {
    const auto inputs = nlohmann::json::parse(request.body)["input"].size();
    nlohmann::json data = nlohmann::json::array();
    for (std::size_t i = 0; i < inputs; ++i) {
      data.push_back({{"object", "embedding"}, {"index", i}, {"embedding", {1, 2}}});
    }
    const std::size_t tokens = 10 * inputs;
    return Json(nlohmann::json({{"object", "list"},
                                {"data", data},
                                {"model", "m"},
                                {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}})
                    .dump());
  });
  const auto ask = [this](const std::string& inputs) {
    return Post("/v1/embeddings", R"({"model":"m","input":[)" + inputs + "]}");
  };
  EXPECT_EQ(ask(R"("abc","d")").how(), "miss");
  EXPECT_DOUBLE_EQ(Counter(R"(nearhit_gateway_cost_usd_total{price="m*"})"), 0.002);
  EXPECT_EQ(ask(R"("abc")").Header("x-nearhit-saved-usd"), "0.001500");
  EXPECT_EQ(ask(R"("d","abc")").Header("x-nearhit-saved-usd"), "0.002000");
  const GatewayReply partial = ask(R"("d","e")");
  EXPECT_EQ(partial.how(), "partial");
  EXPECT_EQ(partial.Header("x-nearhit-saved-usd"), "0.000500");
  EXPECT_DOUBLE_EQ(Counter(R"(nearhit_gateway_saved_usd_total{price="m*"})"), 0.004);
  EXPECT_DOUBLE_EQ(Counter(R"(nearhit_gateway_cost_usd_total{price="m*"})"), 0.003);
}

}  // namespace
}  // namespace nearhit::server
