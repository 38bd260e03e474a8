#include "server/http/request_head.h"

#include <optional>
#include <string_view>

#include <gtest/gtest.h>

namespace nearhit::server {
namespace {

std::optional<RequestRefusal> Refusal(std::string_view bytes) {
  RequestHead head;
  return ReadRequestHead(bytes, RequestLimits(), &head);
}

TEST(HttpServerRequest, SplitsItsTarget) {
  HttpServerRequest request;
  request.target = "/a/b?c=d?e";
  EXPECT_EQ(request.path(), "/a/b");
  EXPECT_EQ(request.query(), "c=d?e");
  request.target = "/a";
  EXPECT_EQ(request.path(), "/a");
  EXPECT_EQ(request.query(), "");
  request.headers = {{.name = "x", .value = "1"}, {.name = "x", .value = "2"}};
  ASSERT_NE(request.Header("x"), nullptr);
  EXPECT_EQ(*request.Header("x"), "1");
  EXPECT_EQ(request.Header("y"), nullptr);
}

TEST(ReadRequestHead, GivesAReasonWithoutTheClientsText) {
  for (const std::string_view head :
       {"secret\r\n\r\n", "GET secret HTTP/1.1\r\n\r\n", "GET / secret\r\n\r\n",
        "GET / HTTP/1.1\r\nsecret\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nsec\x01ret: a\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: secret\r\n\r\n",
        "GET / HTTP/1.1\r\nTransfer-Encoding: secret\r\n\r\n"}) {
    const std::optional<RequestRefusal> refusal = Refusal(head);
    ASSERT_TRUE(refusal.has_value()) << head;
    EXPECT_EQ(refusal->reason.find("secret"), std::string::npos) << refusal->reason;
    EXPECT_GE(refusal->status, 400);
  }
}

TEST(ReadRequestHead, TakesWhatOthersReadAlike) {
  EXPECT_FALSE(Refusal("GET / HTTP/1.1\r\nHost: a\r\n\r\n").has_value());
  EXPECT_FALSE(Refusal("GET / HTTP/1.0\r\n\r\n").has_value());
}

TEST(ReadRequestHead, RefusesAHeadWithoutARequestLine) {
  EXPECT_TRUE(Refusal("\r\n").has_value());
  EXPECT_TRUE(Refusal("\r\n\r\n").has_value());
}

}  // namespace
}  // namespace nearhit::server
