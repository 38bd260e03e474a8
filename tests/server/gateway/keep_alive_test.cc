#include "server/gateway/keep_alive.h"

#include "server/dialect/sse.h"
#include "tests/server/gateway/fake_responder.h"
#include "tests/server/gateway/gateway_fixture.h"
#include "tests/support/signal.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

using std::chrono::milliseconds;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class KeepAliveTest : public FakeResponderTest {
 protected:
  // Runs the loop for so long.
  void RunFor(milliseconds time) {
    loop_->After(time, [this] { loop_->Stop(); });
    loop_->Run();
  }
};

TEST_F(KeepAliveTest, WritesACommentAfterEachInterval) {
  const auto keep_alive = KeepAlive::Start(client_, milliseconds(10));
  RunFor(milliseconds(35));
  EXPECT_GE(client_->writes.size(), 1U);
  EXPECT_LE(client_->writes.size(), 3U);
  EXPECT_THAT(client_->writes, Each(": keep-alive\n\n"));
}

TEST_F(KeepAliveTest, ABlockPutsItOff) {
  const auto keep_alive = KeepAlive::Start(client_, milliseconds(500));
  std::function<void()> touch = [&] {
    keep_alive->Touch();
    loop_->After(milliseconds(50), touch);
  };
  touch();
  RunFor(milliseconds(700));
  EXPECT_THAT(client_->writes, IsEmpty());
}

TEST_F(KeepAliveTest, IsSilentForAClientThatIsSlow) {
  client_->untaken = 1;
  const auto keep_alive = KeepAlive::Start(client_, milliseconds(1));
  RunFor(milliseconds(20));
  EXPECT_THAT(client_->writes, IsEmpty());
}

TEST_F(KeepAliveTest, StopsWithinAWrite) {
  auto keep_alive = KeepAlive::Start(client_, milliseconds(1));
  client_->on_write = [&] { std::exchange(keep_alive, nullptr)->Stop(); };
  RunFor(milliseconds(20));
  EXPECT_EQ(client_->writes.size(), 1U);
}

TEST_F(KeepAliveTest, EndsWithWhoeverHasIt) {
  KeepAlive::Start(client_, milliseconds(1));
  RunFor(milliseconds(20));
  EXPECT_THAT(client_->writes, IsEmpty());
}

// What a client reads: names and data of events that say something. Lines that are neither fields
// nor comments, and a stream that ends within an event, are failures.
std::vector<std::pair<std::string, std::string>> ReadStrictly(const std::string& stream) {
  std::vector<std::pair<std::string, std::string>> events;
  SseParser parser;
  const Status fed = parser.Feed(stream, [&events](const SseEvent& event, std::string_view raw) {
    EXPECT_TRUE(raw == kKeepAliveComment || raw.starts_with("data: ") || raw.starts_with("event: "))
        << raw;
    EXPECT_EQ(raw.find(": keep-alive"), raw == kKeepAliveComment ? 0 : std::string::npos);
    if (!event.data.empty()) {
      events.emplace_back(event.name, event.data);
    }
  });
  EXPECT_THAT(fed, IsOk());
  EXPECT_TRUE(parser.at_boundary());
  return events;
}

std::size_t Comments(const std::string& text) {
  std::size_t count = 0;
  for (std::size_t at = text.find(kKeepAliveComment); at != std::string::npos;
       at = text.find(kKeepAliveComment, at + 1)) {
    ++count;
  }
  return count;
}

class GatewayKeepAliveTest : public GatewayTest {
 protected:
  // A provider that stops in the middle of the second block until `go_on_`.
  void ServeSilent(const std::vector<std::string>& blocks, std::uint32_t keep_alive_ms) {
    std::string rest = blocks[1].substr(9);
    for (std::size_t i = 2; i < blocks.size(); ++i) {
      rest += blocks[i];
    }
    const std::vector<std::string> pieces = {blocks[0] + blocks[1].substr(0, 9), rest};
    Serve(
        [this, pieces](const FakeHttpRequest&, std::size_t) {
          FakeHttpAnswer answer = Events(pieces);
          answer.next_piece = [this, next = answer.next_piece,
                               count = 0]() mutable -> std::optional<std::string> {
            if (count++ == 1) {
              go_on_.Await();
            }
            return next();
          };
          return answer;
        },
        [keep_alive_ms](GatewayOptions* options) { options->keep_alive_ms = keep_alive_ms; });
  }
  // Says go_on_ after two comments.
  OnPiece UntilTwoComments() {
    return [this, seen = std::string()](std::string_view piece) mutable {
      seen += piece;
      if (Comments(seen) >= 2) {
        go_on_.Say();
      }
      return true;
    };
  }

  Signal go_on_;
};

std::string JoinBlocks(const std::vector<std::string>& blocks) {
  std::string text;
  for (const std::string& block : blocks) {
    text += block;
  }
  return text;
}

TEST_F(GatewayKeepAliveTest, ASilentStreamGetsComments) {
  const std::vector<std::string> blocks = ChatEvents({"One ", "two"}, false);
  ServeSilent(blocks, 5);
  const GatewayReply reply = Chat("Count.", R"(,"stream":true)", UntilTwoComments());
  EXPECT_TRUE(reply.whole);
  EXPECT_GE(Comments(reply.body), 2U);
  EXPECT_EQ(ReadStrictly(reply.body), ReadStrictly(JoinBlocks(blocks)));
  const GatewayReply hit = Chat("Count.", R"(,"stream":true)");
  EXPECT_EQ(hit.how(), "exact");
  EXPECT_EQ(hit.body, JoinBlocks(blocks)) << "they are not recorded";
}

TEST_F(GatewayKeepAliveTest, SoDoesOneOfAnthropic) {
  const auto event = [](const std::string& name, const std::string& more) {
    return "event: " + name + "\ndata: {\"type\":\"" + name + "\"" + more + "}\n\n";
  };
  const std::vector<std::string> blocks = {
      event("message_start", R"(,"message":{"id":"msg_1","type":"message","role":"assistant",)"
                             R"("model":"m","content":[],"stop_reason":null,"stop_sequence":null,)"
                             R"("usage":{"input_tokens":5,"output_tokens":1}})"),
      event("content_block_start", R"(,"index":0,"content_block":{"type":"text","text":""})"),
      event("content_block_delta", R"(,"index":0,"delta":{"type":"text_delta","text":"Hello."})"),
      event("content_block_stop", R"(,"index":0)"),
      event("message_delta", R"(,"delta":{"stop_reason":"end_turn","stop_sequence":null},)"
                             R"("usage":{"output_tokens":2})"),
      event("message_stop", "")};
  ServeSilent(blocks, 5);
  const std::string request =
      R"({"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"Hi."}]})";
  const std::vector<HttpHeader> version = {{.name = "anthropic-version", .value = "2023-06-01"}};
  const GatewayReply reply = Send("POST", "/v1/messages", request, version, UntilTwoComments());
  EXPECT_GE(Comments(reply.body), 2U);
  EXPECT_EQ(ReadStrictly(reply.body), ReadStrictly(JoinBlocks(blocks)));
  const GatewayReply hit = Send("POST", "/v1/messages", request, version);
  EXPECT_EQ(hit.how(), "exact");
  EXPECT_EQ(hit.body, JoinBlocks(blocks));
}

TEST_F(GatewayKeepAliveTest, NoneComesBeforeTheHead) {
  Serve(
      [](const FakeHttpRequest&, std::size_t) {
        FakeHttpAnswer answer = Events(ChatEvents({"One ", "two"}, false));
        answer.delay = milliseconds(30);
        return answer;
      },
      [](GatewayOptions* options) { options->keep_alive_ms = 5; });
  const GatewayReply reply = Chat("Count.", R"(,"stream":true)");
  EXPECT_THAT(reply.body, testing::StartsWith("data: "));
  EXPECT_EQ(ReadStrictly(reply.body), ReadStrictly(JoinBlocks(ChatEvents({"One ", "two"}, false))));
}

// Bytes of an endpoint that is not known may be cut anywhere, and whole bodies are no streams.
// The answer with a pause before each piece, longer than keep_alive_ms.
FakeHttpAnswer Slowly(FakeHttpAnswer answer) {
  answer.next_piece = [next = answer.next_piece]() {
    const auto end = std::chrono::steady_clock::now() + milliseconds(10);
    Eventually([end] { return std::chrono::steady_clock::now() >= end; });
    return next();
  };
  return answer;
}

TEST_F(GatewayKeepAliveTest, WhatIsNoKnownStreamHasNone) {
  std::vector<std::string> pieces = {"data: one ", "two\n\n", "data: three\n\n"};
  std::string type = "text/event-stream";
  Serve(
      [&pieces, &type](const FakeHttpRequest&, std::size_t) {
        FakeHttpAnswer answer = Events(pieces);
        answer.headers = {{"content-type", type}};
        return Slowly(std::move(answer));
      },
      [](GatewayOptions* options) { options->keep_alive_ms = 1; });
  EXPECT_EQ(Send("GET", "/v1/other", "").body, JoinBlocks(pieces));
  type = "application/json";
  pieces = {ChatBody("Hel").substr(0, 50), ChatBody("Hel").substr(50)};
  EXPECT_EQ(Chat("Hello?").body, ChatBody("Hel"));
}

// OpenAI's client for Python keeps the last id, and then takes every blank line for an event, whose
// data it cannot read.
TEST_F(GatewayKeepAliveTest, AStreamWithIdsHasNone) {
  std::vector<std::string> blocks = ChatEvents({"One ", "two"}, false);
  for (std::string& block : blocks) {
    block.insert(0, "id: 1\n");
  }
  Serve([&blocks](const FakeHttpRequest&, std::size_t) { return Slowly(Events(blocks)); },
        [](GatewayOptions* options) { options->keep_alive_ms = 1; });
  const std::string body = Chat("Count.", R"(,"stream":true)").body;
  EXPECT_EQ(Comments(body.substr(body.find("id: 1"))), 0U);
  EXPECT_THAT(body, testing::EndsWith(JoinBlocks(blocks)));
}

TEST_F(GatewayKeepAliveTest, AClientThatLeavesEndsThem) {
  ServeSilent(ChatEvents({"One ", "two"}, false), 5);
  const GatewayReply reply = Chat("Count.", R"(,"stream":true)", [this](std::string_view piece) {
    const bool comment = piece.find(kKeepAliveComment) != std::string_view::npos;
    if (comment) {
      go_on_.Say();
    }
    return !comment;
  });
  EXPECT_FALSE(reply.whole);
  EXPECT_THAT(reply.body, Not(HasSubstr("[DONE]")));
}

}  // namespace
}  // namespace nearhit::server
