#include <atomic>
#include <memory>
#include <optional>
#include <signal.h>
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

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class HttpStreamTest : public HttpServerTest {};

TEST_P(HttpStreamTest, StreamsInChunks) {
  Serve([](const HttpServerRequest&, const ResponderPtr& responder) {
    responder->Begin(200, {{.name = "content-type", .value = "text/plain"}});
    responder->Write("first");
    responder->Write("");
    responder->Write(std::string(300, 'x'));
    responder->End("last");
    responder->Write("late");
    responder->End("later");
    responder->Abort();
  });
  HttpClientSocket client = Connect();
  ASSERT_TRUE(client.Send(Get("/")));
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), HasSubstr("transfer-encoding: chunked\r\n"));
  const std::string body =
      "5\r\nfirst\r\n12c\r\n" + std::string(300, 'x') + "\r\n4\r\nlast\r\n0\r\n\r\n";
  EXPECT_EQ(client.Read(body.size()), body);
  ASSERT_TRUE(client.Send(Get("/")));
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_P(HttpStreamTest, SendsTheHeadWhenItIsFlushed) {
  Signal read;
  Serve([&read](const HttpServerRequest&, const ResponderPtr& responder) {
    responder->Begin(200, {});
    responder->Flush();
    EventLoop& loop = *responder->loop();
    loop.Post([&read, responder] {
      read.Await();
      responder->End("end");
    });
  });
  HttpClientSocket client = Connect();
  ASSERT_TRUE(client.Send(Get("/")));
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  read.Say();
  EXPECT_EQ(client.ReadUntil("0\r\n\r\n"), "3\r\nend\r\n0\r\n\r\n");
}

TEST_P(HttpStreamTest, AbortsSoThatTheClientNotices) {
  Serve([](const HttpServerRequest&, const ResponderPtr& responder) {
    responder->SetGone([] { ADD_FAILURE() << "the client is there"; });
    responder->Begin(200, {});
    responder->Write("part");
    responder->Abort();
    EXPECT_TRUE(responder->gone());
  });
  HttpClientSocket client = Connect();
  ASSERT_TRUE(client.Send(Get("/")));
  EXPECT_THAT(client.ReadAll(), EndsWith("\r\n4\r\npart\r\n"));
}

TEST_P(HttpStreamTest, AbortsWhenTheResponderIsDropped) {
  Serve([](const HttpServerRequest&, const ResponderPtr& responder) {
    responder->Begin(200, {});
    responder->Write("part");
  });
  HttpClientSocket client = Connect();
  ASSERT_TRUE(client.Send(Get("/")));
  EXPECT_THAT(client.ReadAll(), EndsWith("\r\n4\r\npart\r\n"));
  EXPECT_TRUE(AllGone());
}

TEST_P(HttpStreamTest, TellsThatAClientHasGone) {
  Signal gone;
  ResponderPtr kept;
  Serve([&](const HttpServerRequest&, ResponderPtr responder) {
    kept = std::move(responder);
    kept->SetGone([&] {
      EXPECT_TRUE(kept->gone());
      EXPECT_EQ(kept->unsent(), 0U);
      kept->Write("nowhere");
      kept->End("");
      kept.reset();
      gone.Say();
    });
    kept->Begin(200, {});
    kept->Write("part");
  });
  {
    HttpClientSocket client = Connect();
    ASSERT_TRUE(client.Send(Get("/")));
    client.ReadUntil("part");
  }
  gone.Await();
  EXPECT_TRUE(AllGone());
  server_.reset();  // uses what is above
}

// The loop has not heard of it, and writes: no signal ends the process.
TEST_P(HttpStreamTest, OutlivesAClientThatGoesWhileItIsAnswered) {
  const auto former = ::signal(SIGPIPE, SIG_DFL);  // whatever this process was started with
  Signal asked;
  Signal gone;
  Serve([&](const HttpServerRequest& request, const ResponderPtr& responder) {
    if (request.target == "/first") {
      responder->Send(200, {}, request.target);
      return;
    }
    asked.Say();
    gone.Await();
    responder->Begin(200, {});
    for (int i = 0; i < 10; ++i) {
      responder->Write("part");
    }
    EXPECT_TRUE(responder->gone());
  });
  std::optional<HttpClientSocket> client(Connect());
  ASSERT_TRUE(client->Send(Get("/first")));
  client->ReadUntil("\r\n\r\n/first");  // what is not read would make a reset of its end
  ASSERT_TRUE(client->Send(Get("/")));
  asked.Await();
  client.reset();
  gone.Say();
  EXPECT_TRUE(AllGone());
  ::signal(SIGPIPE, former);
}

TEST_P(HttpStreamTest, TellsNotOfAClientThatGoesAfterTheEnd) {
  ResponderPtr kept;
  Serve([&](const HttpServerRequest&, ResponderPtr responder) {
    kept = std::move(responder);
    kept->SetGone([] { ADD_FAILURE() << "the answer had ended"; });
    kept->Send(200, {}, "body");
  });
  {
    HttpClientSocket client = Connect();
    ASSERT_TRUE(client.Send(Get("/")));
    client.ReadUntil("body");
  }
  EXPECT_TRUE(AllGone());
  server_.reset();  // uses what is above
}

// Each of the two holds the responder, and nothing else does.
TEST_P(HttpStreamTest, DestroysAResponderThatOnlyItsCallbacksHold) {
  Serve([](const HttpServerRequest& request, const ResponderPtr& responder) {
    responder->Begin(200, {});
    responder->Write("part");
    if (request.target != "/gone") {
      responder->SetDrained([responder] {});
    }
    if (request.target != "/drained") {
      responder->SetGone([responder] {});
    }
    if (request.target == "/abort") {
      responder->Abort();
    }
  });
  for (const std::string_view target : {"/drained", "/gone", "/both", "/abort"}) {
    HttpClientSocket client = Connect();
    ASSERT_TRUE(client.Send(Get(target)));
    client.ReadUntil("part");
  }
  EXPECT_TRUE(AllGone());
}

// Writes pieces of a long answer, and waits whenever some of them are not taken.
class Source : public std::enable_shared_from_this<Source> {
 public:
  static constexpr std::size_t kPieces = 500;
  static constexpr std::size_t kPieceBytes = std::size_t{64} << 10;
  static constexpr std::size_t kLimit = std::size_t{128} << 10;

  explicit Source(ResponderPtr responder) : responder_(std::move(responder)) {}
  void Pump() {
    while (written_ < kPieces && responder_->unsent() < kLimit) {
      responder_->Write(std::string(kPieceBytes, static_cast<char>('a' + written_ % 26)));
      ++written_;
      EXPECT_LE(responder_->unsent(), kLimit + kPieceBytes + 20);
    }
    if (written_ == kPieces) {
      responder_->End("");
    } else {
      ++waits;
      responder_->SetDrained([self = shared_from_this()] { self->Pump(); });
    }
  }

  static inline std::atomic<int> waits{0};

 private:
  const ResponderPtr responder_;
  std::size_t written_ = 0;
};

TEST_P(HttpStreamTest, LetsTheHandlerWaitForASlowClient) {
  Source::waits = 0;
  Serve([](const HttpServerRequest&, ResponderPtr responder) {
    responder->Begin(200, {});
    std::make_shared<Source>(std::move(responder))->Pump();
  });
  HttpClientSocket client = Connect(4'096);
  ASSERT_TRUE(client.Send(Get("/")));
  ASSERT_TRUE(Eventually([] { return Source::waits > 0; }));
  client.ReadUntil("\r\n\r\n");
  for (std::size_t i = 0; i < Source::kPieces; ++i) {
    ASSERT_EQ(client.ReadUntil("\r\n"), "10000\r\n");
    ASSERT_EQ(client.Read(Source::kPieceBytes),
              std::string(Source::kPieceBytes, static_cast<char>('a' + i % 26)));
    ASSERT_EQ(client.ReadUntil("\r\n"), "\r\n");
  }
  EXPECT_EQ(client.ReadUntil("0\r\n\r\n"), "0\r\n\r\n");
}

TEST_P(HttpStreamTest, TakesAnswersOfOtherThreads) {
  std::vector<std::thread> threads;
  Serve([&threads](HttpServerRequest request, ResponderPtr responder) {
    const std::shared_ptr<EventLoop> loop = responder->loop();
    threads.emplace_back([loop, target = request.target, responder]() mutable {
      loop->Post([target, responder = std::move(responder)] { responder->Send(200, {}, target); });
    });
  });
  std::vector<HttpClientSocket> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(Connect());
    ASSERT_TRUE(clients.back().Send(Get("/" + std::to_string(i))));
  }
  for (int i = 0; i < 20; ++i) {
    const std::string target = "/" + std::to_string(i);
    EXPECT_THAT(clients[static_cast<std::size_t>(i)].ReadUntil(target), EndsWith(target));
  }
  server_.reset();  // its loop writes no more of `threads`
  for (std::thread& thread : threads) {
    thread.join();
  }
}

INSTANTIATE_TEST_SUITE_P(Wires, HttpStreamTest, BothWires(), WireName);

}  // namespace
}  // namespace nearhit::server
