#include "server/gateway/host_check.h"

#include "tests/server/gateway/gateway_fixture.h"

namespace nearhit::server {
namespace {

using testing::HasSubstr;

HttpServerRequest RequestOf(const std::string& host, const std::string& origin = "",
                            const std::string& path = "/nearhit/v1/scan") {
  HttpServerRequest request;
  request.target = path;
  request.headers.push_back({.name = "host", .value = host});
  if (!origin.empty()) {
    request.headers.push_back({.name = "origin", .value = origin});
  }
  return request;
}

bool IsServed(const std::string& listen, const std::string& host,
              std::vector<std::string> hosts = {}) {
  GatewayOptions options;
  options.listen = listen;
  options.hosts = std::move(hosts);
  return HostCheck(options).WhyRefused(RequestOf(host)).empty();
}

TEST(HostCheck, AListenerOnLoopbackHasTheNamesOfLoopback) {
  for (const std::string listen : {"127.0.0.1:7780", "[::1]:7780", "localhost:7780"}) {
    for (const std::string host : {"localhost", "localhost:7780", "LocalHost:9000", "127.0.0.1",
                                   "127.0.0.1:7780", "127.8.9.1:80", "[::1]", "[::1]:7780"}) {
      EXPECT_TRUE(IsServed(listen, host)) << host;
    }
    for (const std::string host :
         {"site.example", "site.example:7780", "localhost.site.example:7780", "notlocalhost",
          "127.0.0.1.site.example", "127.site.example", "10.0.0.1:7780", "[::2]:7780", "[::1", "[",
          ":7780", "0.0.0.0:7780", "localhost@site.example", ""}) {
      EXPECT_FALSE(IsServed(listen, host)) << host;
    }
  }
}

TEST(HostCheck, NamesOfTheConfigurationAreServed) {
  const std::vector<std::string> hosts = {"Cache.example", "[fd00::1]"};
  for (const std::string listen : {"127.0.0.1:7780", "0.0.0.0:7780"}) {
    EXPECT_TRUE(IsServed(listen, "cache.Example:7780", hosts));
    EXPECT_TRUE(IsServed(listen, "[fd00::1]:7780", hosts));
    EXPECT_TRUE(IsServed(listen, "localhost:7780", hosts));
    EXPECT_FALSE(IsServed(listen, "cache.example.site.example", hosts)) << listen;
    EXPECT_TRUE(IsServed(listen, "site.example", {"*"}));
  }
}

// A container's service name, an address of the network.
TEST(HostCheck, AnotherListenerHasAnyName) {
  for (const std::string listen : {"0.0.0.0:7780", "[::]:7780", "10.0.0.1:7780", "box:7780"}) {
    for (const std::string host : {"nearhit:7780", "10.0.0.1:7780", "cache.example"}) {
      EXPECT_TRUE(IsServed(listen, host)) << host;
    }
  }
}

TEST(HostCheck, CallsAreForPagesOfTheListenerItself) {
  GatewayOptions options;
  options.listen = "0.0.0.0:7780";
  const HostCheck check(options);
  const auto served = [&check](const std::string& host, const std::string& origin,
                               const std::string& path = "/nearhit/v1/shadow") {
    return check.WhyRefused(RequestOf(host, origin, path)).empty();
  };
  EXPECT_TRUE(served("localhost:7780", "http://localhost:7780"));
  EXPECT_TRUE(served("cache.example", "https://Cache.example"));
  for (const std::string origin : {"http://site.example", "http://localhost:3000", "null",
                                   "localhost:7780", "http://localhost:7780.site.example"}) {
    EXPECT_FALSE(served("localhost:7780", origin)) << origin;
    EXPECT_TRUE(served("localhost:7780", origin, kChat)) << origin;
  }
}

TEST(HostCheck, WhatHasNoHostIsOfNoBrowser) {
  GatewayOptions options;
  options.listen = "127.0.0.1:7780";
  HttpServerRequest request;
  request.target = "/metrics";
  EXPECT_EQ(HostCheck(options).WhyRefused(request), "");
}

TEST_F(GatewayTest, AnswersNothingToANameThatIsNotItsOwn) {
  Serve([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Hello.")); });
  const std::vector<HttpHeader> site = {{.name = "host", .value = "site.example:7780"}};
  for (const std::string path :
       {"/metrics", "/healthz", "/nearhit/v1/shadow", "/nearhit/v1/openapi.json", "/v1/models"}) {
    const GatewayReply reply = Send("GET", path, "", site);
    EXPECT_EQ(reply.status, 403) << path;
    EXPECT_THAT(reply.body, HasSubstr("the header Host")) << path;
    EXPECT_EQ(reply.body.find("site.example"), std::string::npos);
  }
  EXPECT_EQ(Post(kChat, ChatRequest("Hello?"), site).status, 403);
  EXPECT_EQ(Post("/v1/embeddings", R"({"model":"m","input":"a"})", site).status, 403);
  EXPECT_EQ(calls(), 0U);
  const std::string own = "localhost:" + std::to_string(gateway_->port());
  EXPECT_EQ(Post(kChat, ChatRequest("Hello?"), {{.name = "host", .value = own}}).status, 200);
  const std::string drop = R"({"name":"gateway"})";
  const GatewayReply page = Post("/nearhit/v1/namespaces/drop", drop,
                                 {{.name = "origin", .value = "http://site.example"}});
  EXPECT_EQ(page.status, 403);
  EXPECT_THAT(page.body, HasSubstr("the header Origin"));
  EXPECT_THAT(db_->DescribeNamespace("gateway"), IsOk());
}

}  // namespace
}  // namespace nearhit::server
