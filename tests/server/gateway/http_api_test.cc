// The calls of nearhit.v1 on the gateway's listener.
#include <string>

#include <gtest/gtest.h>

#include "tests/server/gateway/gateway_fixture.h"

namespace nearhit::server {
namespace {

using testing::HasSubstr;

FakeHttpAnswer Greet(const FakeHttpRequest&, std::size_t) {
  return Json(ChatBody("Hello."));
}

TEST_F(GatewayTest, CallsReadWhatTheGatewayStored) {
  Serve(Greet);
  Post("/v1/chat/completions", ChatRequest("Who is there?"));
  const GatewayReply page = Post("/nearhit/v1/scan", R"({"namespace":"gateway"})");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr(R"("slot":"Who is there?")"));
  EXPECT_EQ(Send("GET", "/nearhit/v1/openapi.json", "").status, 200);
  EXPECT_EQ(Post("/nearhit/v1/nothing", "{}").status, 404);
  EXPECT_EQ(calls(), 1U);  // of the provider
}

TEST_F(GatewayTest, CallsAreRefusedWhereTheyAreNotServed) {
  Serve(Greet, [](GatewayOptions* options) { options->http_api = HttpApi::kNever; });
  const GatewayReply reply = Post("/nearhit/v1/namespaces/drop", R"({"name":"gateway"})");
  EXPECT_EQ(reply.status, 403);
  EXPECT_THAT(reply.body, HasSubstr("gateway.http_api"));
  EXPECT_THAT(db_->DescribeNamespace("gateway"), IsOk());
  EXPECT_EQ(Send("GET", "/nearhit/v1/openapi.json", "").status, 403);
  EXPECT_EQ(Send("GET", "/nearhit/v1/explain?request_id=req_0", "").status, 404);
  EXPECT_EQ(calls(), 0U);
}

}  // namespace
}  // namespace nearhit::server
