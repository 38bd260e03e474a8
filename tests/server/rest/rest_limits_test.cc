// Calls that wait, are large, or come too many at a time.
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/rest/rest_fixture.h"
#include "tests/support/fake_http_server.h"

namespace nearhit::server {
namespace {

using testing::HasSubstr;

constexpr std::size_t kMiB = std::size_t{1} << 20;

std::string StoreOf(const std::string& name_space, const std::string& slot) {
  return R"({"namespace":")" + name_space + R"(","item":{"prompt":{"slot":")" + slot +
         R"("},"answer":"YQ=="}})";
}

std::string LookupOf(const std::string& name_space, const std::string& slot) {
  return R"({"namespace":")" + name_space + R"(","prompt":{"slot":")" + slot + "\"}}";
}

// Two workers, one of them for embedders, and a cache "hung" whose endpoint does not answer.
class HungRestTest : public RestTest {
 protected:
  void SetUp() override {
    setenv("no_proxy", "127.0.0.1", 1);
    endpoint_ = std::make_unique<FakeHttpServer>([](const FakeHttpRequest&, std::size_t) {
      return FakeHttpAnswer{.status = 400, .delay = std::chrono::minutes(10)};
    });
    ServerOptions serving;
    serving.workers = 2;
    serving.max_queue = 1;
    Begin(serving);
    NamespaceConfig hung;
    hung.dimension = 2;
    hung.embedder.kind = "http";
    hung.embedder.url = endpoint_->url();
    hung.embedder.model = "hung";
    hung.embedder.timeout = std::chrono::minutes(10);
    ASSERT_THAT(db_->CreateNamespace("hung", hung), IsOk());
  }

  void TearDown() override {
    endpoint_.reset();  // everybody gets an answer
    for (std::thread& waiting : waiting_) {
      waiting.join();
    }
    RestTest::TearDown();
  }

  void InBackground(const std::string& path, const std::string& body) {
    waiting_.emplace_back([this, path, body] { Post(path, body); });
  }
  bool Asked() const {
    return Eventually([this] { return !endpoint_->requests().empty(); });
  }
  bool Queued(std::uint64_t calls) const {
    return Eventually([this, calls] { return core_->Stats().queued_calls == calls; });
  }

  std::unique_ptr<FakeHttpServer> endpoint_;
  std::vector<std::thread> waiting_;
};

TEST_F(HungRestTest, TheLoopGoesOnWhileCallsWait) {
  InBackground("lookup", LookupOf("hung", "a text"));
  ASSERT_TRUE(Asked());
  InBackground("embed", R"({"namespace":"hung","texts":["another"]})");
  ASSERT_TRUE(Queued(1));
  EXPECT_EQ(Post("ping", "{}").status, 200);
  EXPECT_EQ(Post("store", StoreOf("c", "a text")).status, 200);
  EXPECT_EQ(Post("lookup", LookupOf("c", "a text")).json()["result"]["kind"], "HIT_KIND_EXACT");
}

TEST_F(HungRestTest, ALookupThatMayNotWaitIs503) {
  const RestReply reply = Post("lookup", R"({"namespace":"hung","prompt":{"slot":"a text"},)"
                                         R"("options":{"non_blocking":true}})");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.code(), "UNAVAILABLE");
}

TEST_F(HungRestTest, AFullQueueIs429) {
  InBackground("store", StoreOf("hung", "a"));
  ASSERT_TRUE(Asked());
  InBackground("store", StoreOf("hung", "b"));
  ASSERT_TRUE(Queued(1));
  const RestReply reply = Post("store", StoreOf("hung", "c"));
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.code(), "RESOURCE_EXHAUSTED");
}

TEST_F(HungRestTest, ACallEndsAtItsDeadline) {
  const auto begun = std::chrono::steady_clock::now();
  const RestReply reply = Post("embed", R"({"namespace":"hung","texts":["a"]})",
                               {{.name = "x-nearhit-timeout-ms", .value = "50"}});
  EXPECT_EQ(reply.status, 504);
  EXPECT_LT(std::chrono::steady_clock::now() - begun,
            std::chrono::milliseconds(kDefaultTimeoutMs / 2));
  EXPECT_EQ(reply.code(), "DEADLINE_EXCEEDED");
}

TEST_F(HungRestTest, AQueuedCallWhoseClientIsGoneIsNotMade) {
  InBackground("store", StoreOf("hung", "a"));
  ASSERT_TRUE(Asked());
  {
    const std::string body = StoreOf("hung", "b");
    const HttpClientSocket socket = Connect();
    ASSERT_TRUE(
        socket.Send("POST /nearhit/v1/store HTTP/1.1\r\nHost: a\r\n"
                    "Content-Type: application/json\r\nContent-Length: " +
                    std::to_string(body.size()) + "\r\n\r\n" + body));
    ASSERT_TRUE(Queued(1));
  }
  // Long before its deadline.
  EXPECT_TRUE(Eventually(
      [this] {
        core_->KeepHouse();
        return core_->Stats().queued_calls == 0;
      },
      std::chrono::seconds(20)));
}

using RestLimitsTest = RestTest;

TEST_F(RestLimitsTest, LargeBodiesAndAnswersAreWhole) {
  const std::string answer(4 * kMiB, 'A');  // base64 of zeros
  const RestReply stored = Post("store", R"({"namespace":"c","item":{"prompt":{"slot":"a"},)"
                                         R"("answer":")" +
                                             answer + "\"}}");
  ASSERT_EQ(stored.status, 200) << stored.body.substr(0, 300);
  const RestReply found = Post("lookup", LookupOf("c", "a"));
  EXPECT_TRUE(found.whole);
  EXPECT_EQ(found.json()["result"]["answer"], answer);
  EXPECT_TRUE(Eventually([this] { return core_->answers().held() == 0; }));
}

TEST_F(RestLimitsTest, AnAnswerCountsUntilItsClientHasTakenIt) {
  const std::string answer(8 * kMiB, 'A');
  ASSERT_EQ(Post("store",
                 R"({"namespace":"c","item":{"prompt":{"slot":"a"},"answer":")" + answer + "\"}}")
                .status,
            200);
  const std::string body = LookupOf("c", "a");
  const std::string request =
      "POST /nearhit/v1/lookup HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
      "Content-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  HttpClientSocket reader = Connect(4'096);
  ASSERT_TRUE(reader.Send(request));
  EXPECT_TRUE(Eventually([this] { return core_->answers().held() > 8 * kMiB; }));
  {
    const HttpClientSocket leaver = Connect(4'096);
    ASSERT_TRUE(leaver.Send(request));
    EXPECT_TRUE(Eventually([this] { return core_->answers().held() > 16 * kMiB; }));
  }
  EXPECT_TRUE(Eventually([this] { return core_->answers().held() < 16 * kMiB; }));
  EXPECT_THAT(reader.ReadUntil("\r\n0\r\n\r\n"), HasSubstr("HIT_KIND_EXACT"));
  EXPECT_TRUE(Eventually([this] { return core_->answers().held() == 0; }));
}

TEST_F(RestLimitsTest, WithoutRoomForAnswersReadsAre429) {
  ServerOptions serving;
  HeldBytes held;
  held.Hold(&core_->answers(), serving.memory_quota_bytes + 1);
  EXPECT_EQ(Post("lookup", LookupOf("c", "a")).status, 429);
  EXPECT_EQ(Post("scan", R"({"namespace":"c"})").status, 429);
  EXPECT_EQ(Post("stats", "{}").status, 200);
  EXPECT_EQ(Post("store", StoreOf("c", "a")).status, 200);
}

// Answers of many parts are limited to a message.
class SmallMessagesRestTest : public RestTest {
 protected:
  void SetUp() override {
    ServerOptions serving;
    serving.max_message_bytes = 4'096;
    Begin(serving);
  }
};

TEST_F(SmallMessagesRestTest, ABatchOverTheLimitOfAMessageIs429) {
  const std::string texts = R"({"namespace":"c","texts":["a","b","c"]})";
  const RestReply reply = Post("embed", texts);
  EXPECT_EQ(reply.status, 429);
  EXPECT_THAT(reply.message(), HasSubstr("the limit is 4096"));
}

class SmallBodiesRestTest : public RestTest {
 protected:
  SmallBodiesRestTest() { options_.limits.request.body_bytes = 1'024; }
};

TEST_F(SmallBodiesRestTest, ABodyOverTheLimitIs413) {
  EXPECT_EQ(Post("store", StoreOf("c", std::string(1'000, 'a'))).status, 413);
}

}  // namespace
}  // namespace nearhit::server
