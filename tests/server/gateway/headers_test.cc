#include "server/gateway/headers.h"

#include <gtest/gtest.h>

namespace nearhit::server {
namespace {

std::vector<std::string> Names(const std::vector<HttpHeader>& headers) {
  std::vector<std::string> names;
  names.reserve(headers.size());
  for (const HttpHeader& header : headers) {
    names.push_back(header.name);
  }
  return names;
}

HttpServerRequest RequestWith(std::vector<HttpHeader> headers) {
  HttpServerRequest request;
  request.headers = std::move(headers);
  return request;
}

TEST(Headers, WhatBelongsToTheConnectionOrTheGatewayStays) {
  const HttpServerRequest request = RequestWith({
      {.name = "host", .value = "h"},
      {.name = "connection", .value = "keep-alive, X-Hop"},
      {.name = "x-hop", .value = "1"},
      {.name = "x-hopper", .value = "1"},
      {.name = "cookie", .value = "c"},
      {.name = "accept-encoding", .value = "gzip"},
      {.name = "x-nearhit-cache", .value = "off"},
      {.name = "x-forwarded-for", .value = "1.2.3.4"},
      {.name = "authorization", .value = "Bearer k"},
      {.name = "traceparent", .value = "t"},
  });
  EXPECT_EQ(Names(HeadersForUpstream(request, Route(), "")),
            (std::vector<std::string>{"x-hopper", "authorization", "traceparent"}));
}

TEST(Headers, AKeyOfTheGatewayTakesThePlaceOfTheCallers) {
  const HttpServerRequest request = RequestWith({{.name = "authorization", .value = "Bearer k"},
                                                 {.name = "x-api-key", .value = "k"},
                                                 {.name = "api-key", .value = "k"}});
  const auto openai = HeadersForUpstream(request, Route(), "own");
  ASSERT_EQ(openai.size(), 1U);
  EXPECT_EQ(openai[0].name + " " + openai[0].value, "authorization Bearer own");
  const auto anthropic = HeadersForUpstream(request, {.dialect = Dialect::kAnthropic}, "own");
  ASSERT_EQ(anthropic.size(), 1U);
  EXPECT_EQ(anthropic[0].name + " " + anthropic[0].value, "x-api-key own");
  const auto azure = HeadersForUpstream(request, {.deployment = "d"}, "own");
  ASSERT_EQ(azure.size(), 1U);
  EXPECT_EQ(azure[0].name, "api-key");
}

TEST(Headers, EveryCredentialCounts) {
  const HttpHeader key{.name = "x-api-key", .value = "k"};
  EXPECT_EQ(CredentialOf(RequestWith({})), "");
  EXPECT_NE(CredentialOf(RequestWith({key})),
            CredentialOf(RequestWith({key, {.name = "authorization", .value = "Bearer a"}})));
  EXPECT_NE(CredentialOf(RequestWith({key})), CredentialOf(RequestWith({key, key})));
}

TEST(Headers, TheOrderOfABetaListSaysNothing) {
  EXPECT_EQ(HeadersOfScope(RequestWith({{.name = "anthropic-beta", .value = "b, a"}})),
            HeadersOfScope(RequestWith({{.name = "anthropic-beta", .value = "a,b"}})));
  EXPECT_NE(HeadersOfScope(RequestWith({{.name = "anthropic-beta", .value = "a"}})),
            HeadersOfScope(RequestWith({{.name = "anthropic-beta", .value = "a,b"}})));
  EXPECT_NE(HeadersOfScope(RequestWith({{.name = "openai-project", .value = "a"}})),
            HeadersOfScope(RequestWith({{.name = "openai-organization", .value = "a"}})));
}

}  // namespace
}  // namespace nearhit::server
