// Streams of providers that end where they should not. NEARHIT_TEST_CUTS sets how many are tried.
#include <array>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/server/gateway/gateway_fixture.h"

namespace nearhit::server {
namespace {

struct Script {
  const char* path;
  const char* file;
  const char* end;       // what the last event has
  const char* finished;  // what is there once nothing but the end is missing
  const char* request;   // up to the text
  const char* rest;
};

constexpr std::array<Script, 4> kScripts = {{
    {"/v1/chat/completions", "chat_text.sse", "data: [DONE]\n\n", "\"finish_reason\":\"stop\"",
     R"({"model":"m","stream":true,"messages":[{"role":"user","content":")", R"("}]})"},
    {"/v1/completions", "completions_text.sse", "data: [DONE]\n\n", "\"finish_reason\":\"stop\"",
     R"({"model":"m","stream":true,"prompt":")", R"("})"},
    {"/v1/messages", "messages_text.sse", "\"message_stop\"}\n\n", "\"message_stop\"}\n\n",
     R"({"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":")",
     R"("}]})"},
    {"/v1/responses", "responses_text.sse", "\"type\":\"response.completed\"",
     "\"type\":\"response.completed\"", R"({"model":"m","store":false,"stream":true,"input":")",
     R"("})"},
}};

std::string ReadStream(const std::string& file) {
  std::ifstream stream(std::string(NEARHIT_SOURCE_DIR "/tests/data/dialect/") + file,
                       std::ios::binary);
  EXPECT_TRUE(stream.is_open()) << file;
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::size_t Cuts() {
  const char* const cuts = std::getenv("NEARHIT_TEST_CUTS");
  return cuts == nullptr ? 400 : std::strtoul(cuts, nullptr, 10);
}

// The beginning of a stream, in pieces; then a clean end, or none.
FakeHttpAnswer Beginning(std::string bytes, bool clean, std::mt19937_64* random) {
  FakeHttpAnswer answer{.headers = {{"content-type", "text/event-stream"}}, .truncate = !clean};
  answer.next_piece = [bytes = std::move(bytes), random,
                       at = std::size_t{0}]() mutable -> std::optional<std::string> {
    if (at == bytes.size()) {
      return std::nullopt;
    }
    const std::size_t size = 1 + (*random)() % (bytes.size() - at);
    at += size;
    return bytes.substr(at - size, size);
  };
  return answer;
}

class CutsTest : public GatewayTest {
 protected:
  std::uint64_t Entries() const {
    std::uint64_t entries = 0;
    for (const char* name : {"gateway", "gateway-exact"}) {
      const auto info = db_->DescribeNamespace(name);
      EXPECT_THAT(info, IsOk());
      entries += info->stats.entries;
    }
    return entries;
  }
};

TEST_F(CutsTest, NoIncompleteAnswerIsStoredOrEndsCleanly) {
  std::array<std::string, kScripts.size()> streams;
  for (std::size_t i = 0; i < kScripts.size(); ++i) {
    streams.at(i) = ReadStream(kScripts.at(i).file);
  }
  std::mt19937_64 of_pieces(1);
  std::string beginning;
  bool clean = false;
  Serve(
      [&](const FakeHttpRequest&, std::size_t) { return Beginning(beginning, clean, &of_pieces); });
  std::mt19937_64 random(2);
  std::uint64_t complete = 0;
  for (std::size_t i = 0; i < Cuts(); ++i) {
    const Script& script = kScripts.at(random() % kScripts.size());
    const std::string& stream = streams.at(static_cast<std::size_t>(&script - kScripts.data()));
    // A third are anywhere, a third near the end, and a third of the streams are whole.
    const std::array<std::size_t, 3> most = {stream.size(), 120, 1};
    const std::size_t back = random() % most.at(random() % most.size());
    beginning = stream.substr(0, stream.size() - back);
    clean = random() % 2 == 0;
    const std::size_t end = beginning.find(script.end);
    const bool whole =
        clean && end != std::string::npos && beginning.find("\n\n", end) != std::string::npos;
    const GatewayReply reply = Post(script.path, script.request + std::to_string(i) + script.rest,
                                    {{.name = "x-nearhit-cache", .value = "exact"}});
    ASSERT_EQ(reply.how(), beginning.empty() && !clean ? "error" : "miss") << reply.status;
    if (reply.whole && reply.status == 200) {
      ASSERT_NE(reply.body.find(script.finished), std::string::npos)
          << script.path << " ended cleanly after " << beginning.size() << " bytes";
    }
    complete += whole ? 1 : 0;
    ASSERT_EQ(Entries(), complete) << script.path << " " << beginning.size() << " of "
                                   << stream.size() << " bytes, clean: " << clean;
    ASSERT_TRUE(!whole || reply.whole);
  }
  EXPECT_GT(complete, 0U);
}

TEST_F(CutsTest, ABodyThatIsCutIsNoAnswer) {
  std::string text;
  Serve([&text](const FakeHttpRequest&, std::size_t) {
    FakeHttpAnswer answer = Json(ChatBody(text));
    answer.truncate = true;
    return answer;
  });
  text = "Hello.";
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Chat("Hello?").status, 502);
  }
  text = std::string(std::size_t{3} << 20, 'a');  // too much to wait for its end
  for (int i = 0; i < 2; ++i) {
    const GatewayReply reply = Chat("Hello?");
    EXPECT_EQ(reply.how(), "miss");
    EXPECT_FALSE(reply.whole);
  }
  EXPECT_EQ(Entries(), 0U);
}

// As OpenAI's client for Python does.
TEST_F(CutsTest, AClientThatGoesAfterTheLastEventLeavesAnEntry) {
  std::atomic<bool> client_is_gone{false};
  Serve([&client_is_gone](const FakeHttpRequest&, std::size_t) {
    FakeHttpAnswer answer{.headers = {{"content-type", "text/event-stream"}}};
    answer.next_piece = [&client_is_gone, blocks = ChatEvents({"One ", "two"}, false),
                         next = std::size_t{0}]() mutable -> std::optional<std::string> {
      if (next < blocks.size()) {
        return blocks[next++];
      }
      EXPECT_TRUE(Eventually([&client_is_gone] { return client_is_gone.load(); }));
      return std::nullopt;
    };
    return answer;
  });
  class Leaver final : public HttpReceiver {
   public:
    bool OnHead(HttpHead) override { return true; }
    bool OnBody(std::string_view bytes) override {
      body += bytes;
      return body.find("[DONE]") == std::string::npos;
    }
    std::string body;
  };
  const std::string request = ChatRequest("Count.", R"(,"stream":true)");
  const std::string address = url(kChat);
  const std::vector<HttpHeader> headers = {{.name = "content-type", .value = "application/json"}};
  Leaver leaver;
  const std::atomic<bool> stop{false};
  client_.Exchange({.method = "POST", .url = address, .headers = headers, .body = request}, &leaver,
                   stop);
  EXPECT_TRUE(Eventually([this] { return gateway_->connections() == 0; }));
  client_is_gone = true;
  Settle();
  const GatewayReply again = Post(kChat, request);
  EXPECT_EQ(again.how(), "exact");
  EXPECT_EQ(again.body, leaver.body);
}

}  // namespace
}  // namespace nearhit::server
