#include "net/http_client.h"

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "tests/support/fake_http_server.h"

namespace nearhit {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::Contains;
using testing::IsEmpty;
using testing::Pair;

// Counts events, and waits for them.
class Events {
 public:
  void Add() {
    MutexLock lock(&mu_);
    ++count_;
    changed_.NotifyAll();
  }
  void Await(int count) {
    MutexLock lock(&mu_);
    while (count_ < count) {
      changed_.Wait(&mu_);
    }
  }

 private:
  Mutex mu_;
  CondVar changed_;
  int count_ NEARHIT_GUARDED_BY(mu_) = 0;
};

// Keeps what it got; refuses the head or the first part of the body when told to.
class Receiver final : public HttpReceiver {
 public:
  bool OnHead(HttpHead got) override {
    EXPECT_EQ(++heads, 1);
    head = std::move(got);
    return !refuses_head;
  }
  bool OnBody(std::string_view bytes) override {
    EXPECT_EQ(heads, 1);
    EXPECT_FALSE(bytes.empty());
    parts.emplace_back(bytes);
    parts_got.Add();
    return !refuses_body;
  }
  std::string body() const {
    std::string all;
    for (const std::string& part : parts) {
      all += part;
    }
    return all;
  }

  bool refuses_head = false;
  bool refuses_body = false;
  int heads = 0;
  HttpHead head;
  std::vector<std::string> parts;
  Events parts_got;
};

class HttpClientTest : public testing::Test {
 protected:
  // What the server answers to every request.
  void Answer(FakeHttpAnswer answer) {
    server_.emplace([answer](const FakeHttpRequest&, std::size_t) { return answer; });
  }
  HttpRequest Request(std::string_view method = "POST", std::string_view body = "") {
    url_ = server_->url() + "/v1/chat?x=1";
    return {.method = method, .url = url_, .body = body};
  }
  HttpEnd Exchange(const HttpRequest& request) {
    return client_.Exchange(request, &receiver_, stop_);
  }
  HttpOutcome FetchOutcome(std::size_t limit) {
    return client_.Fetch(Request(), limit, stop_).end.outcome;
  }

  std::optional<FakeHttpServer> server_;
  std::string url_;
  const HttpClient client_;
  Receiver receiver_;
  std::atomic<bool> stop_{false};
};

TEST_F(HttpClientTest, SendsMethodTargetHeadersAndBody) {
  Answer({});
  const std::vector<HttpHeader> headers = {{.name = "X-Key", .value = "a b"},
                                           {.name = "X-Empty", .value = ""}};
  for (const std::string method : {"POST", "GET", "PUT", "DELETE", "PATCH"}) {
    const std::string body = method == "GET" ? "" : "body of " + method;
    HttpRequest request = Request(method, body);
    request.headers = headers;
    ASSERT_EQ(client_.Fetch(request, 0, stop_).end.outcome, HttpOutcome::kAnswered) << method;
    const FakeHttpRequest sent = server_->requests().back();
    EXPECT_EQ(sent.method, method);
    EXPECT_EQ(sent.target, "/v1/chat?x=1");
    EXPECT_EQ(sent.body, body);
    EXPECT_THAT(sent.headers, Contains(Pair("x-key", "a b")));
    EXPECT_THAT(sent.headers, Contains(Pair("x-empty", "")));
    EXPECT_EQ(sent.headers.count("expect"), 0U);
  }
}

TEST_F(HttpClientTest, ARequestLeavesNothingToTheNext) {
  Answer({});
  const std::vector<HttpHeader> headers = {{.name = "Authorization", .value = "Bearer secret"}};
  HttpRequest first = Request("PUT", "body");
  first.headers = headers;
  client_.Fetch(first, 0, stop_);
  client_.Fetch(Request("GET"), 0, stop_);
  const FakeHttpRequest sent = server_->requests().back();
  EXPECT_EQ(sent.method, "GET");
  EXPECT_EQ(sent.headers.count("authorization"), 0U);
  EXPECT_EQ(sent.body, "");
  EXPECT_EQ(sent.connection, 0);  // the same one
}

TEST_F(HttpClientTest, AHeadComesWholeAndBeforeTheBody) {
  Answer({.status = 503,
          .headers = {{"Retry-After", "7"}, {"X-Two", "one"}, {"X-Two", "  two  "}, {"X-None", ""}},
          .body = "busy"});
  EXPECT_EQ(Exchange(Request()).outcome, HttpOutcome::kAnswered);
  EXPECT_EQ(receiver_.head.status, 503);
  EXPECT_EQ(receiver_.head.retry_after, std::chrono::seconds(7));
  std::vector<std::string> lines;
  for (const HttpHeader& header : receiver_.head.headers) {
    lines.push_back(header.name + "=" + header.value);
  }
  EXPECT_THAT(lines, testing::ElementsAre("retry-after=7", "x-two=one", "x-two=two",
                                          "x-none=", "content-length=4"));
  EXPECT_EQ(receiver_.body(), "busy");
}

TEST_F(HttpClientTest, AnAnswerWithoutABodyHasAHead) {
  Answer({.status = 204});
  EXPECT_EQ(Exchange(Request()).outcome, HttpOutcome::kAnswered);
  EXPECT_EQ(receiver_.head.status, 204);
  EXPECT_THAT(receiver_.parts, IsEmpty());
}

// The server sends the second piece once the receiver has the first.
TEST_F(HttpClientTest, ABodyArrivesWhileItIsSent) {
  int sent = 0;
  Answer({.next_piece = [this, &sent]() -> std::optional<std::string> {
    receiver_.parts_got.Await(sent);
    return ++sent <= 3 ? std::optional("data: " + std::to_string(sent) + "\n\n") : std::nullopt;
  }});
  EXPECT_EQ(Exchange(Request()).outcome, HttpOutcome::kAnswered);
  EXPECT_THAT(receiver_.parts, testing::ElementsAre("data: 1\n\n", "data: 2\n\n", "data: 3\n\n"));
}

TEST_F(HttpClientTest, AReceiverEndsAnExchange) {
  Answer({.body = "answer"});
  receiver_.refuses_head = true;
  EXPECT_EQ(Exchange(Request()).outcome, HttpOutcome::kStopped);
  EXPECT_THAT(receiver_.parts, IsEmpty());
  receiver_.heads = 0;
  receiver_.refuses_head = false;
  receiver_.refuses_body = true;
  EXPECT_EQ(Exchange(Request()).outcome, HttpOutcome::kStopped);
  EXPECT_EQ(receiver_.body(), "answer");
}

TEST_F(HttpClientTest, ABodyThatIsCutOffIsAFailedConnection) {
  Answer({.body = "answer", .truncate = true});
  const HttpEnd end = Exchange(Request());
  EXPECT_EQ(end.outcome, HttpOutcome::kConnection);
  EXPECT_EQ(receiver_.body(), "ans");
  EXPECT_NE(end.reason, "");
}

TEST_F(HttpClientTest, AnAnswerMayHaveTheLimitAndNoByteMore) {
  Answer({.body = "answer"});
  EXPECT_EQ(FetchOutcome(6), HttpOutcome::kAnswered);
  EXPECT_EQ(FetchOutcome(5), HttpOutcome::kTooLarge);
  EXPECT_EQ(FetchOutcome(0), HttpOutcome::kTooLarge);
}

TEST_F(HttpClientTest, AHeadHasALimit) {
  Answer({.headers = {{"X-Long", std::string(HttpClient::kMaxHeadBytes, 'x')}}});
  EXPECT_EQ(Exchange(Request()).outcome, HttpOutcome::kTooLarge);
  EXPECT_EQ(receiver_.heads, 0);
}

TEST_F(HttpClientTest, ARedirectIsAnAnswer) {
  Answer({.status = 302, .headers = {{"Location", "http://127.0.0.1:1/"}}});
  EXPECT_EQ(Exchange(Request()).outcome, HttpOutcome::kAnswered);
  EXPECT_EQ(receiver_.head.status, 302);
}

TEST_F(HttpClientTest, NothingIsSentPastTheDeadlineOrWithAMethodOrHeaderThatIsNone) {
  Answer({});
  HttpRequest late = Request();
  late.deadline = steady_clock::now();
  EXPECT_EQ(Exchange(late).outcome, HttpOutcome::kTimeout);
  for (const HttpHeader& header : std::vector<HttpHeader>{
           {.name = "X", .value = "a\r\nEvil: b"}, {.name = "X: Y", .value = ""}, {}}) {
    HttpRequest request = Request();
    request.headers = {&header, 1};
    EXPECT_EQ(Exchange(request).outcome, HttpOutcome::kRefused);
  }
  EXPECT_EQ(Exchange(Request("GET / HTTP/1.1\r\nX: y\r\n")).outcome, HttpOutcome::kRefused);
  EXPECT_EQ(Exchange(Request("")).outcome, HttpOutcome::kRefused);
  EXPECT_THAT(server_->requests(), IsEmpty());
}

TEST_F(HttpClientTest, ASilentServerIsLeftAtTheDeadlineAndAfterTheIdleTimeout) {
  Answer({.delay = std::chrono::hours(1)});
  HttpRequest request = Request();
  request.deadline = steady_clock::now() + milliseconds(50);
  EXPECT_EQ(Exchange(request).outcome, HttpOutcome::kTimeout);
  request.deadline = steady_clock::time_point::max();
  request.idle_timeout = milliseconds(50);
  EXPECT_EQ(Exchange(request).outcome, HttpOutcome::kTimeout);
}

TEST_F(HttpClientTest, AStopEndsAnExchange) {
  Answer({.delay = std::chrono::hours(1)});
  stop_ = true;
  EXPECT_EQ(Exchange(Request()).outcome, HttpOutcome::kStopped);
}

TEST_F(HttpClientTest, AServerThatDoesNotListenIsAFailedConnection) {
  EXPECT_EQ(Exchange({.url = "http://127.0.0.1:1/"}).outcome, HttpOutcome::kConnection);
  EXPECT_EQ(Exchange({.url = "file:///etc/passwd"}).outcome, HttpOutcome::kRefused);
}

}  // namespace
}  // namespace nearhit
