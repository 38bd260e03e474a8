#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/http/http_server_fixture.h"
#include "tests/support/signal.h"

namespace nearhit::server {
namespace {

using std::chrono::milliseconds;
using testing::EndsWith;

class HttpShutdownTest : public HttpServerTest {};

// The answer comes when the loop has ended.
TEST_P(HttpShutdownTest, DropsAnswersThatComeTooLate) {
  std::shared_ptr<EventLoop> loop;
  ResponderPtr kept;
  Signal asked;
  Serve([&](const HttpServerRequest&, ResponderPtr responder) {
    loop = responder->loop();
    kept = std::move(responder);
    asked.Say();
  });
  HttpClientSocket client = Connect();
  ASSERT_TRUE(client.Send(Get("/")));
  asked.Await();
  server_->Shutdown(milliseconds(0));
  EXPECT_EQ(client.ReadAll(), "");
  EXPECT_TRUE(kept->gone());
  loop->Post([] { ADD_FAILURE() << "the loop has ended"; });
  kept->Send(200, {}, "late");
}

TEST_P(HttpShutdownTest, LetsRunningAnswersEndWhenItShutsDown) {
  Signal asked;
  ResponderPtr kept;
  Serve([&](const HttpServerRequest&, ResponderPtr responder) {
    kept = std::move(responder);
    kept->Begin(200, {});
    kept->Write("first");
    asked.Say();
  });
  HttpClientSocket idle = Connect();
  HttpClientSocket client = Connect();
  ASSERT_TRUE(client.Send(Get("/")));
  asked.Await();
  std::thread shutdown([this] { server_->Shutdown(kLong); });
  EXPECT_EQ(idle.ReadAll(), "");  // it is under way
  EventLoop& loop = *kept->loop();
  loop.Post([responder = std::move(kept)] { responder->End("last"); });
  EXPECT_THAT(client.ReadAll(), EndsWith("5\r\nfirst\r\n4\r\nlast\r\n0\r\n\r\n"));
  shutdown.join();
}

// The request ends after the call, its answer says that the connection does, and so it is.
TEST_P(HttpShutdownTest, LetsARunningRequestEndWhenItShutsDown) {
  Echo();
  HttpClientSocket idle = Connect();
  HttpClientSocket client = Connect();
  ASSERT_TRUE(client.Send(Get("/one") + "GET /two HTT"));
  client.ReadUntil("/one");
  std::thread shutdown([this] { server_->Shutdown(kLong); });
  EXPECT_EQ(idle.ReadAll(), "");
  ASSERT_TRUE(client.Send("P/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_THAT(client.ReadAll(), EndsWith("connection: close\r\n\r\n/two"));
  shutdown.join();
}

// The answer is made, but its client has not taken all of it.
TEST_P(HttpShutdownTest, SendsTheRestOfAnswersWhenItShutsDown) {
  Signal answered;
  const std::string body(std::size_t{32} << 20, 'x');
  Serve([&](const HttpServerRequest&, const ResponderPtr& responder) {
    responder->Send(200, {}, body);
    answered.Say();
  });
  HttpClientSocket idle = Connect();
  HttpClientSocket client = Connect(4'096);
  ASSERT_TRUE(client.Send(Get("/")));
  answered.Await();
  std::thread shutdown([this] { server_->Shutdown(kLong); });
  EXPECT_EQ(idle.ReadAll(), "");
  client.ReadUntil("\r\n\r\n");
  EXPECT_EQ(client.ReadAll().size(), body.size());
  shutdown.join();
}

// A client that goes may take another one with it, also when the loop ends.
TEST_P(HttpShutdownTest, EndsConnectionsThatEndEachOther) {
  std::vector<ResponderPtr> kept;
  std::atomic<int> asked{0};
  Serve([&](const HttpServerRequest&, const ResponderPtr& responder) {
    kept.push_back(responder);
    responder->SetGone([&kept] {
      for (const ResponderPtr& other : kept) {
        other->Abort();
      }
    });
    ++asked;
  });
  std::vector<HttpClientSocket> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(Connect());
    ASSERT_TRUE(clients.back().Send(Get("/")));
  }
  ASSERT_TRUE(Eventually([&asked] { return asked == 10; }));
  server_->Shutdown(milliseconds(0));
  for (HttpClientSocket& client : clients) {
    EXPECT_EQ(client.ReadAll(), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Wires, HttpShutdownTest, BothWires(), WireName);

}  // namespace
}  // namespace nearhit::server
