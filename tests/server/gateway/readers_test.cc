// Clients of one call upstream, each as fast as it is, over real sockets.
#include <future>
#include <memory>
#include <optional>
#include <string>

#include "tests/server/gateway/gateway_fixture.h"
#include "tests/server/http/http_client_socket.h"
#include "tests/support/signal.h"

namespace nearhit::server {
namespace {

using testing::HasSubstr;

class ReadersTest : public GatewayTest {
 protected:
  ReadersTest() { settles_ = false; }

  // A stream whose first block goes at once, and the rest after go_on_.
  void ServeInTwo(std::vector<std::string> blocks, std::uint64_t max_answer_bytes) {
    Serve(
        [this, blocks = std::move(blocks)](const FakeHttpRequest&, std::size_t) {
          FakeHttpAnswer answer = Events(blocks);
          answer.next_piece = [this, next = answer.next_piece, count = 0]() mutable {
            if (count++ == 1) {
              go_on_.Await();
            }
            return next();
          };
          return answer;
        },
        [max_answer_bytes](GatewayOptions* options) {
          options->max_answer_bytes = max_answer_bytes;
        });
  }
  // Six megabytes of words, and the end.
  static std::vector<std::string> LargeBlocks() {
    std::vector<std::string> words = {"First"};
    for (int i = 0; i < 192; ++i) {
      words.emplace_back(std::size_t{32} << 10, static_cast<char>('a' + i % 26));
    }
    return ChatEvents(words, false);
  }
  static std::string Whole(const std::vector<std::string>& blocks) {
    std::string stream;
    for (const std::string& block : blocks) {
      stream += block;
    }
    return stream;
  }
  // Says `begun` with the first piece.
  std::future<GatewayReply> ChatInBackground(Signal* begun) const {
    return std::async(std::launch::async, [this, begun] {
      return Chat("Count.", kStreaming, [begun](std::string_view) {
        begun->Say();
        return true;
      });
    });
  }
  // Reads no more than it must, with small buffers everywhere.
  HttpClientSocket ConnectSlowly() const {
    HttpClientSocket socket(gateway_->port(), 4'096);
    const std::string body = ChatRequest("Count.", kStreaming);
    EXPECT_TRUE(socket.Send(std::string("POST ") + kChat +
                            " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                            "Content-Length: " +
                            std::to_string(body.size()) + "\r\n\r\n" + body));
    return socket;
  }
  static std::string WithoutChunks(const std::string& bytes) {
    std::string body;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t size = std::stoul(bytes.substr(at, 16), nullptr, 16);
      at = bytes.find("\r\n", at) + 2;
      body += bytes.substr(at, size);
      at += size + 2;
    }
    return body;
  }

  static constexpr char kStreaming[] = R"(,"stream":true)";
  Signal go_on_;
};

TEST_F(ReadersTest, ASlowOneStallsNobodyAndLosesNothing) {
  const std::vector<std::string> blocks = LargeBlocks();
  ServeInTwo(blocks, std::uint64_t{16} << 20);
  Signal begun;
  std::future<GatewayReply> fast = ChatInBackground(&begun);
  begun.Await();
  HttpClientSocket slow = ConnectSlowly();
  const std::string head = slow.ReadUntil("\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("x-nearhit-status: coalesced"));
  go_on_.Say();
  const GatewayReply reply = fast.get();
  EXPECT_TRUE(reply.whole) << "while the other reads nothing";
  EXPECT_EQ(reply.body, Whole(blocks));
  EXPECT_EQ(WithoutChunks(slow.ReadAll()), Whole(blocks));
  EXPECT_EQ(calls(), 1U);
  Settle();
  EXPECT_EQ(Chat("Count.", kStreaming).how(), "exact");
}

// Too large to be stored, and so to be kept for the slow one: the fast one waits for it.
TEST_F(ReadersTest, NobodyLosesAnythingOfAnAnswerThatIsNotKept) {
  const std::vector<std::string> blocks = LargeBlocks();
  ServeInTwo(blocks, 4'096);
  Signal begun;
  std::future<GatewayReply> fast = ChatInBackground(&begun);
  begun.Await();
  HttpClientSocket slow = ConnectSlowly();
  slow.ReadUntil("\r\n\r\n");
  go_on_.Say();
  EXPECT_EQ(WithoutChunks(slow.ReadAll()), Whole(blocks));
  EXPECT_EQ(fast.get().body, Whole(blocks));
  EXPECT_EQ(calls(), 1U);
}

TEST_F(ReadersTest, OneThatGoesEndsNothingForTheOthers) {
  const std::vector<std::string> blocks = ChatEvents({"One ", "two"}, false);
  ServeInTwo(blocks, 4'096);
  Signal begun;
  Signal joined;
  auto first = std::async(std::launch::async, [&] {
    return Chat("Count.", kStreaming, [&](std::string_view) {
      begun.Say();
      joined.Await();
      return false;
    });
  });
  begun.Await();
  const GatewayReply second = Chat("Count.", kStreaming, [&](std::string_view) {
    joined.Say();
    EXPECT_TRUE(Eventually([this] { return gateway_->connections() == 1; }));
    go_on_.Say();
    return true;
  });
  EXPECT_FALSE(first.get().whole);
  EXPECT_EQ(second.how(), "coalesced");
  EXPECT_TRUE(second.whole);
  EXPECT_EQ(second.body, Whole(blocks));
  Settle();
  EXPECT_EQ(Chat("Count.", kStreaming).how(), "exact");
  EXPECT_EQ(calls(), 1U);
}

// The provider would go on for ever.
TEST_F(ReadersTest, TheLastThatGoesEndsTheCall) {
  Serve([](const FakeHttpRequest&, std::size_t) {
    FakeHttpAnswer answer = Events({});
    answer.next_piece = [block = ChatEvents({"On "}, false).front()] {
      YieldOften();
      return std::optional(block);
    };
    return answer;
  });
  for (int i = 0; i < 2; ++i) {
    const GatewayReply reply = Chat("Count.", kStreaming, [](std::string_view) { return false; });
    EXPECT_EQ(reply.how(), "miss") << "nothing is stored of it";
    Settle();
  }
  EXPECT_EQ(calls(), 2U);
}

}  // namespace
}  // namespace nearhit::server
