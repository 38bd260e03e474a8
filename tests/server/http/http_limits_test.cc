#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
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
using testing::HasSubstr;
using testing::StartsWith;

class HttpLimitsTest : public HttpServerTest {};

// The resident memory of this process.
std::size_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t pages = 0;
  file >> pages >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// A client may ask without reading. What waits for it has a limit all the same.
TEST_P(HttpLimitsTest, AnswersNoFurtherWhileAnswersWait) {
  std::atomic<std::size_t> most{0};
  const std::string body(std::size_t{64} << 10, 'b');
  Serve([&](const HttpServerRequest&, const ResponderPtr& responder) {
    most = std::max(most.load(), responder->unsent());
    responder->Send(200, {}, body);
  });
  HttpClientSocket client = Connect(4'096);
  constexpr int kRequests = 1'000;
  std::string requests;
  for (int i = 0; i < kRequests; ++i) {
    requests += Get("/");
  }
  ASSERT_TRUE(client.Send(requests));
  for (int i = 0; i < kRequests; ++i) {
    ASSERT_THAT(client.ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 200 OK"));
    ASSERT_EQ(client.Read(body.size()).size(), body.size());
  }
  EXPECT_LE(most, std::size_t{256} << 10);
}

// Even when the handler goes on to write, as one does that keeps a connection alive.
TEST_P(HttpLimitsTest, CutsOffAClientThatTakesNothing) {
  options_.limits.write_timeout = kShort;
  Signal gone;
  ResponderPtr kept;
  Serve(
      [&](const HttpServerRequest&, ResponderPtr responder) {
        kept = std::move(responder);
        kept->SetGone([&] { gone.Say(); });
        kept->Begin(200, {});
        kept->Write(std::string(std::size_t{32} << 20, 'x'));
      },
      [&kept] {
        if (kept != nullptr) {
          kept->Write(": keep-alive\n\n");
        }
      });
  HttpClientSocket client = Connect(4'096);
  ASSERT_TRUE(client.Send(Get("/")));
  gone.Await();
  EXPECT_TRUE(AllGone());
  server_.reset();  // uses what is above
}

// A handler that has begun an answer, but has nothing to send yet.
TEST_P(HttpLimitsTest, CutsOffNoClientThatWaitsForTheHandler) {
  options_.limits = {
      .request = {}, .request_timeout = kShort, .idle_timeout = kShort, .write_timeout = kShort};
  ResponderPtr kept;
  int ticks = 0;
  Serve([&](const HttpServerRequest&, ResponderPtr responder) { kept = std::move(responder); },
        [&] {
          ticks += kept != nullptr ? 1 : 0;
          if (ticks == 1) {
            kept->Begin(200, {});
          } else if (ticks == 3) {
            kept->End("end");
          }
        });
  HttpClientSocket client = Connect();
  ASSERT_TRUE(client.Send(Get("/")));
  EXPECT_THAT(client.ReadAll(), EndsWith("3\r\nend\r\n0\r\n\r\n"));
  server_.reset();  // uses what is above
}

TEST_P(HttpLimitsTest, ClosesConnectionsThatAreIdle) {
  options_.limits.idle_timeout = kShort;
  Echo();
  HttpClientSocket silent = Connect();
  HttpClientSocket client = Connect();
  ASSERT_TRUE(client.Send(Get("/one")));
  EXPECT_THAT(client.ReadAll(), EndsWith("/one"));
  EXPECT_EQ(silent.ReadAll(), "");
  EXPECT_TRUE(AllGone());
}

TEST_P(HttpLimitsTest, ClosesConnectionsWhoseRequestDoesNotEnd) {
  options_.limits.request_timeout = kShort;
  Echo();
  HttpClientSocket head = Connect();
  ASSERT_TRUE(head.Send("GET / HTTP/1.1\r\nHost:"));
  HttpClientSocket body = Connect();
  ASSERT_TRUE(body.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n1234"));
  HttpClientSocket idle = Connect();
  EXPECT_EQ(head.ReadAll(), "");
  EXPECT_EQ(body.ReadAll(), "");
  ASSERT_TRUE(idle.Send(Get("/one")));
  EXPECT_THAT(idle.ReadUntil("/one"), EndsWith("/one"));
}

TEST_P(HttpLimitsTest, ClosesConnectionsThatAreTooMany) {
  options_.max_connections = 2;
  Echo();
  std::optional<HttpClientSocket> first(Connect());
  HttpClientSocket second = Connect();
  ASSERT_TRUE(Eventually([this] { return server_->connections() == 2; }));
  EXPECT_EQ(Connect().ReadAll(), "");
  ASSERT_TRUE(second.Send(Get("/two")));
  EXPECT_THAT(second.ReadUntil("/two"), EndsWith("/two"));
  first.reset();
  ASSERT_TRUE(Eventually([this] { return server_->connections() == 1; }));
  HttpClientSocket third = Connect();
  ASSERT_TRUE(third.Send(Get("/three")));
  EXPECT_THAT(third.ReadUntil("/three"), EndsWith("/three"));
}

TEST_P(HttpLimitsTest, RefusesWithAStatusAndCloses) {
  options_.limits.request.body_bytes = 10;
  Echo();
  HttpClientSocket odd = Connect();
  ASSERT_TRUE(odd.Send(Get("/one") + "GET / HTTP/1.1\r\n\r\n" + Get("/two")));
  const std::string answers = odd.ReadAll();
  EXPECT_THAT(answers, HasSubstr("/oneHTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(answers, EndsWith("connection: close\r\n\r\nHost is missing\n"));
  // The client sends its body before it reads.
  HttpClientSocket large = Connect();
  ASSERT_TRUE(large.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"));
  large.Send(std::string(1'000'000, 'b'));
  EXPECT_THAT(large.ReadAll(), StartsWith("HTTP/1.1 413 Content Too Large\r\n"));
  EXPECT_TRUE(AllGone());
}

TEST_P(HttpLimitsTest, HoldsAThousandIdleConnections) {
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  constexpr std::size_t kConnections = 1'000;
  ASSERT_GE(files.rlim_max, 3 * kConnections);
  options_.threads = 2;
  Echo();
  const std::size_t before = ResidentBytes();
  std::vector<HttpClientSocket> clients;
  clients.reserve(kConnections);
  for (std::size_t i = 0; i < kConnections; ++i) {
    clients.push_back(Connect());
    ASSERT_TRUE(clients.back().Send(Get("/" + std::to_string(i))));
    clients.back().ReadUntil("\r\n\r\n/");
  }
  EXPECT_EQ(server_->connections(), kConnections);
  const std::size_t after = ResidentBytes();
  std::printf("%zu bytes for each idle connection, with its client\n",
              (std::max(after, before) - before) / kConnections);
  for (std::size_t i = 0; i < kConnections; ++i) {
    const std::string target = "/again" + std::to_string(i);
    ASSERT_TRUE(clients[i].Send(Get(target)));
    ASSERT_THAT(clients[i].ReadUntil(target), EndsWith(target));
  }
  clients.clear();
  EXPECT_TRUE(AllGone());
}

INSTANTIATE_TEST_SUITE_P(Wires, HttpLimitsTest, BothWires(), WireName);

}  // namespace
}  // namespace nearhit::server
