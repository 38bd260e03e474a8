#include "server/http/http_server.h"

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/http/http_server_fixture.h"

namespace nearhit::server {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_P(HttpServerTest, AnswersOneRequestAfterTheOtherOnAConnection) {
  Echo();
  HttpClientSocket client = Connect();
  for (const std::string_view target : {"/one", "/two"}) {
    ASSERT_TRUE(client.Send(Get(target)));
    const std::string answer = client.ReadUntil(target);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\nx-body: \r\ndate: "));
    EXPECT_THAT(answer, HasSubstr(" GMT\r\ncontent-length: 4\r\n\r\n"));
  }
  EXPECT_EQ(server_->connections(), 1U);
}

TEST_P(HttpServerTest, ClosesWhenTheClientAsksForIt) {
  Echo();
  HttpClientSocket client = Connect();
  ASSERT_TRUE(client.Send(Get("/one", "Connection: close\r\n") + Get("/two")));
  const std::string answer = client.ReadAll();
  EXPECT_THAT(answer, HasSubstr("connection: close\r\n\r\n/one"));
  EXPECT_THAT(answer, Not(HasSubstr("/two")));
  EXPECT_TRUE(AllGone());
}

TEST_P(HttpServerTest, AnswersPipelinedRequestsInTheirOrder) {
  Echo();
  HttpClientSocket client = Connect();
  std::string requests;
  for (int i = 0; i < 100; ++i) {
    requests += Get("/" + std::to_string(i));
  }
  ASSERT_TRUE(client.Send(requests));
  for (int i = 0; i < 100; ++i) {
    client.ReadUntil("\r\n\r\n/");
    const std::string number = std::to_string(i);
    EXPECT_EQ(client.Read(number.size()), number);
  }
}

TEST_P(HttpServerTest, AnswersPipelinedRequestsOneAtATime) {
  std::atomic<int> open{0};
  Serve([&open](HttpServerRequest request, ResponderPtr responder) {
    EXPECT_EQ(open.fetch_add(1), 0);
    EventLoop& loop = *responder->loop();
    loop.Post([&open, target = request.target, responder = std::move(responder)] {
      open.fetch_sub(1);
      responder->Send(200, {}, target);
    });
  });
  HttpClientSocket client = Connect();
  ASSERT_TRUE(client.Send(Get("/first") + Get("/second") + Get("/third")));
  EXPECT_THAT(client.ReadUntil("/third"), HasSubstr("/first"));
}

TEST_P(HttpServerTest, SendsNoBodyToHead) {
  Serve([](const HttpServerRequest& request, const ResponderPtr& responder) {
    if (request.target == "/whole") {
      responder->Send(200, {}, "body");
    } else {
      responder->Begin(200, {});
      responder->Write("bo");
      responder->End("dy");
    }
  });
  HttpClientSocket client = Connect();
  ASSERT_TRUE(client.Send("HEAD /whole HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), HasSubstr("content-length: 4\r\n"));
  ASSERT_TRUE(client.Send("HEAD /pieces HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), HasSubstr("transfer-encoding: chunked\r\n"));
  ASSERT_TRUE(client.Send(Get("/whole", "Connection: close\r\n")));
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 200 OK\r\n"));  // and nothing before
}

// 204 and 304 have no body, so nothing of one may follow: the client would take it for an answer.
TEST_P(HttpServerTest, SendsNoBodyWhereTheStatusHasNone) {
  Serve([](const HttpServerRequest& request, const ResponderPtr& responder) {
    const int status = std::stoi(request.target.substr(2));
    if (request.target.starts_with("/s")) {
      responder->Send(status, {}, "body");
    } else {
      responder->Begin(status, {});
      responder->Write("bo");
      responder->End("dy");
    }
  });
  HttpClientSocket client = Connect();
  for (const std::string_view target : {"/s204", "/s304", "/b204", "/b304"}) {
    ASSERT_TRUE(client.Send(Get(target)));
    const std::string answer = client.ReadUntil("\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + std::string(target.substr(2)))) << target;
    EXPECT_THAT(answer, Not(HasSubstr("transfer-encoding"))) << target;
    EXPECT_THAT(answer, Not(HasSubstr("content-length"))) << target;
  }
  ASSERT_TRUE(client.Send(Get("/s200", "Connection: close\r\n")));
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_P(HttpServerTest, ServesClientsOfHttp10) {
  Serve([](const HttpServerRequest& request, const ResponderPtr& responder) {
    if (request.target == "/whole") {
      responder->Send(200, {}, "body");
    } else {
      responder->Begin(200, {});
      responder->Write("bo");
      responder->End("dy");
    }
  });
  HttpClientSocket once = Connect();
  ASSERT_TRUE(once.Send("GET /whole HTTP/1.0\r\n\r\n"));
  EXPECT_THAT(once.ReadAll(), HasSubstr("connection: close\r\n\r\nbody"));
  HttpClientSocket client = Connect();
  ASSERT_TRUE(client.Send("GET /whole HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT_THAT(client.ReadUntil("\r\n\r\nbody"), HasSubstr("connection: keep-alive\r\n"));
  ASSERT_TRUE(client.Send("GET /pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  const std::string answer = client.ReadAll();
  EXPECT_THAT(answer, EndsWith("connection: close\r\n\r\nbody"));
  EXPECT_THAT(answer, Not(HasSubstr("chunked")));
}

TEST_P(HttpServerTest, LetsAClientContinue) {
  Echo();
  HttpClientSocket client = Connect();
  ASSERT_TRUE(client.Send(Get("/", "Expect: 100-continue\r\nContent-Length: 4\r\n")));
  EXPECT_EQ(client.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(client.Send("body"));
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), HasSubstr("x-body: body\r\n"));
}

TEST_P(HttpServerTest, TakesABodyInManyPieces) {
  Echo();
  HttpClientSocket client = Connect();
  std::string request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const char c : request + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n") {
    ASSERT_TRUE(client.Send(std::string_view(&c, 1)));
  }
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), HasSubstr("x-body: abcde\r\n"));
}

TEST_P(HttpServerTest, ListensWhereItIsTold) {
  const auto start = [](const std::string& listen) {
    HttpServerOptions options;
    options.listen = listen;
    return HttpServer::Start(options, [](const auto&) {
      return std::make_unique<ScriptedHandler>([](HttpServerRequest, ResponderPtr) {}, nullptr);
    });
  };
  EXPECT_THAT(start("127.0.0.1"), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(start("127.0.0.1:http-or-so"), StatusIs(StatusCode::kInvalidArgument));
  Echo();
  EXPECT_THAT(start("127.0.0.1:" + std::to_string(server_->port())),
              StatusIs(StatusCode::kUnavailable));
}

INSTANTIATE_TEST_SUITE_P(Wires, HttpServerTest, BothWires(), WireName);

}  // namespace
}  // namespace nearhit::server
