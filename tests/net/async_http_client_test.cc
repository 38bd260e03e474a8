#include "net/async_http_client.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/net/async_http_fixture.h"
#include "tests/support/eventually.h"

namespace nearhit {
namespace {

using std::chrono::milliseconds;
using testing::IsEmpty;

TEST_F(AsyncHttpClientTest, SendsARequestAndGetsItsAnswer) {
  Answer({.status = 503, .headers = {{"Retry-After", "7"}, {"X-A", " b "}}, .body = "busy"});
  AsyncHttpRequest request = Request("body");
  request.method = "PUT";
  request.headers = {{.name = "X-Key", .value = "a b"}, {.name = "X-Empty", .value = ""}};
  Recorder recorder;
  EXPECT_EQ(Exchange(request, &recorder), HttpOutcome::kAnswered);
  EXPECT_EQ(recorder.head.status, 503);
  EXPECT_EQ(recorder.head.retry_after, std::chrono::seconds(7));
  EXPECT_EQ(recorder.body, "busy");
  const FakeHttpRequest sent = server_->requests().at(0);
  EXPECT_EQ(sent.method, "PUT");
  EXPECT_EQ(sent.target, "/v1");
  EXPECT_EQ(sent.body, "body");
  EXPECT_EQ(sent.headers.at("x-key"), "a b");
  EXPECT_EQ(sent.headers.at("x-empty"), "");
  EXPECT_EQ(sent.headers.count("expect"), 0U);
}

TEST_F(AsyncHttpClientTest, GetsAHeadWhenThereIsNoBody) {
  Answer({.status = 204});
  Recorder recorder;
  EXPECT_EQ(Exchange(Request(), &recorder), HttpOutcome::kAnswered);
  EXPECT_EQ(recorder.heads, 1);
  EXPECT_EQ(recorder.head.status, 204);
}

TEST_F(AsyncHttpClientTest, LeavesOutHeadersWithControlBytes) {
  Answer({.headers = {{"X-One", "a\rEvil: b"}, {"X-Two", "a\tb"}, {"X-Three", "a\x1b"}}});
  Recorder recorder;
  EXPECT_EQ(Exchange(Request(), &recorder), HttpOutcome::kAnswered);
  std::vector<std::string> names;
  for (const HttpHeader& header : recorder.head.headers) {
    names.push_back(header.name);
  }
  EXPECT_THAT(names, testing::ElementsAre("x-two", "content-length"));
}

// A last word with a status that promises another.
TEST_F(AsyncHttpClientTest, EndsWhenTheHeadIsInformational) {
  for (const int status : {100, 101, 103}) {
    Answer({.status = status, .truncate = true});
    Recorder recorder;
    recorder.on_head = [&] { ADD_FAILURE() << status; };
    EXPECT_NE(Exchange(Request(), &recorder), HttpOutcome::kAnswered) << status;
  }
}

// The server sends the next piece once the receiver has the last one.
TEST_F(AsyncHttpClientTest, StreamsPiecesAsTheyCome) {
  Recorder recorder;
  FakeHttpAnswer answer;
  answer.next_piece = [&recorder, sent = std::size_t{0}]() mutable -> std::optional<std::string> {
    EXPECT_TRUE(Eventually([&] { return recorder.size == sent; }));
    sent += 5;
    return sent <= 500 ? std::optional<std::string>("piece") : std::nullopt;
  };
  Answer(answer);
  EXPECT_EQ(Exchange(Request(), &recorder), HttpOutcome::kAnswered);
  EXPECT_EQ(recorder.size, 500U);
}

std::string Numbered(std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) {
    text += std::to_string(text.size()) + ",";
  }
  return text;
}

// In both ways to say the length of a body.
TEST_F(AsyncHttpClientTest, DeliversEveryByteOnceWhenItIsPaused) {
  const std::string body = Numbered(std::size_t{2} << 20);
  Serve([&body](const FakeHttpRequest& request, std::size_t) -> FakeHttpAnswer {
    if (request.body == "whole") {
      return {.body = body};
    }
    FakeHttpAnswer answer;
    answer.next_piece = [&body, at = std::size_t{0}]() mutable -> std::optional<std::string> {
      constexpr std::size_t kPiece = 777;
      at += kPiece;
      return at - kPiece < body.size() ? std::optional(body.substr(at - kPiece, kPiece))
                                       : std::nullopt;
    };
    return answer;
  });
  for (const std::string way : {"whole", "pieces"}) {
    Recorder recorder;
    int calls = 0;
    recorder.on_body = [&](std::string_view) {
      switch (++calls % 4) {
        case 1:  // later
          loop_->After(milliseconds(0), [&] { client_->Resume(recorder.exchange); });
          return false;
        case 3:  // even before it is paused
          client_->Resume(recorder.exchange);
          return false;
        default:
          return true;
      }
    };
    EXPECT_EQ(Exchange(Request(way), &recorder), HttpOutcome::kAnswered);
    EXPECT_TRUE(recorder.body == body) << way;
    EXPECT_GT(calls, 100);
  }
}

TEST_F(AsyncHttpClientTest, EndsNotBeforeItsLastBytesAreTaken) {
  Answer({.body = "all"});
  Recorder recorder;
  bool paused = false;
  recorder.on_body = [&](std::string_view) { return std::exchange(paused, true); };
  Do([&] {
    Start(Request(), &recorder);
    loop_->After(milliseconds(20), [&] {
      EXPECT_TRUE(paused);
      EXPECT_FALSE(recorder.over);
      client_->Resume(recorder.exchange);
    });
  });
  recorder.ended.Await();
  EXPECT_EQ(recorder.end.outcome, HttpOutcome::kAnswered);
  EXPECT_EQ(recorder.body, "all");
}

// What is under way goes on meanwhile, but not within the call.
TEST_F(AsyncHttpClientTest, CallsNobodyWithinStart) {
  Answer({.body = std::string(std::size_t{1} << 20, 'x')});
  Recorder paused;
  bool pauses = true;
  paused.on_body = [&](std::string_view) { return !pauses; };
  Do([&] { Start(Request(), &paused); });
  ASSERT_TRUE(Eventually([&] {
    bool come = false;
    Do([&] { come = paused.heads == 1; });
    return come;
  }));
  Recorder other;
  Do([&] {
    pauses = false;
    client_->Resume(paused.exchange);
    Start(Request(), &other);
  });
  paused.ended.Await();
  other.ended.Await();
  AsyncHttpRequest odd = Request();
  odd.headers = {{.name = "X", .value = "a\r\nEvil: b"}};
  EXPECT_EQ(Outcome(odd), HttpOutcome::kRefused);
  AsyncHttpRequest impatient = Request();
  impatient.first_byte_timeout = milliseconds(0);
  EXPECT_EQ(Outcome(impatient), HttpOutcome::kTimeout);
}

TEST_F(AsyncHttpClientTest, SendsNothingThatIsNoHeader) {
  Answer({});
  for (const HttpHeader& header : std::vector<HttpHeader>{{.name = "X", .value = "a\r\nEvil: b"},
                                                          {.name = "X", .value = "a\nb"},
                                                          {.name = "X: Y", .value = ""},
                                                          {.name = "X\r\nY", .value = "a"},
                                                          {}}) {
    AsyncHttpRequest request = Request();
    request.headers.push_back(header);
    EXPECT_EQ(Outcome(request), HttpOutcome::kRefused);
  }
  AsyncHttpRequest request = Request();
  request.method = "GET / HTTP/1.1\r\nX: y\r\n";
  EXPECT_EQ(Outcome(request), HttpOutcome::kRefused);
  request = Request();
  request.url = "file:///etc/passwd";
  EXPECT_EQ(Outcome(request), HttpOutcome::kRefused);
  EXPECT_THAT(server_->requests(), IsEmpty());
}

TEST_F(AsyncHttpClientTest, SaysHowAnExchangeFailed) {
  Answer({.body = "answer", .truncate = true});
  Recorder recorder;
  EXPECT_EQ(Exchange(Request(), &recorder), HttpOutcome::kConnection);
  EXPECT_EQ(recorder.body, "ans");
  EXPECT_NE(recorder.end.reason, "");
  FakeHttpAnswer cut{.truncate = true};
  cut.next_piece = [first = true]() mutable {
    return std::exchange(first, false) ? std::optional<std::string>("piece") : std::nullopt;
  };
  Answer(cut);
  EXPECT_EQ(Outcome(Request()), HttpOutcome::kConnection);
  Answer({.hang_up = true});
  EXPECT_EQ(Outcome(Request()), HttpOutcome::kConnection);
  Answer({.headers = {{"X-Long", std::string(HttpClient::kMaxHeadBytes, 'x')}}});
  EXPECT_EQ(Outcome(Request()), HttpOutcome::kTooLarge);
  AsyncHttpRequest request = Request();
  request.url = "http://127.0.0.1:1/";
  EXPECT_EQ(Outcome(request), HttpOutcome::kConnection);
}

TEST_F(AsyncHttpClientTest, LeavesAServerThatIsSilent) {
  Answer({.delay = std::chrono::hours(1)});
  AsyncHttpRequest request = Request();
  request.first_byte_timeout = milliseconds(20);
  EXPECT_EQ(Outcome(request), HttpOutcome::kTimeout);
  Answer(Endless({"piece"}));
  request = Request();
  request.idle_timeout = milliseconds(20);
  Recorder recorder;
  EXPECT_EQ(Exchange(request, &recorder), HttpOutcome::kTimeout);
  EXPECT_EQ(recorder.body, "piece");
}

TEST_F(AsyncHttpClientTest, LeavesNoServerThatItPauses) {
  Answer({.body = "all"});
  AsyncHttpRequest request = Request();
  request.idle_timeout = milliseconds(10);
  Recorder recorder;
  bool paused = false;
  recorder.on_body = [&](std::string_view) { return std::exchange(paused, true); };
  Do([&] {
    Start(request, &recorder);
    loop_->After(milliseconds(100), [&] { client_->Resume(recorder.exchange); });
  });
  recorder.ended.Await();
  EXPECT_EQ(recorder.end.outcome, HttpOutcome::kAnswered);
}

TEST_F(AsyncHttpClientTest, UsesConnectionsAgain) {
  Serve([](const FakeHttpRequest& request, std::size_t) -> FakeHttpAnswer {
    return {.body = "answer", .truncate = request.body == "cut"};
  });
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Outcome(Request()), HttpOutcome::kAnswered);
  }
  EXPECT_EQ(Outcome(Request("cut")), HttpOutcome::kConnection);
  EXPECT_EQ(Outcome(Request()), HttpOutcome::kAnswered);
  std::vector<int> connections;
  for (const FakeHttpRequest& request : server_->requests()) {
    connections.push_back(request.connection);
  }
  EXPECT_THAT(connections, testing::ElementsAre(0, 0, 0, 0, 1));
}

// Waiting for a connection takes neither of the two times that are limited.
TEST_F(AsyncHttpClientTest, WaitsForAConnectionWhenAllAreInUse) {
  Connections(1);
  Signal waited;
  Serve([&waited](const FakeHttpRequest& request, std::size_t) {
    FakeHttpAnswer answer;
    answer.next_piece = [&waited, first = request.body == "first",
                         sent = 0]() mutable -> std::optional<std::string> {
      if (first && sent == 1) {
        waited.Await();
      }
      return ++sent <= 2 ? std::optional<std::string>("piece") : std::nullopt;
    };
    return answer;
  });
  AsyncHttpRequest hurried = Request();
  hurried.connect_timeout = milliseconds(20);
  hurried.idle_timeout = milliseconds(200);
  Recorder first;
  Recorder second;
  Do([&] {
    Start(Request("first"), &first);
    Start(hurried, &second);
    loop_->After(milliseconds(500), [&waited] { waited.Say(); });
  });
  first.ended.Await();
  second.ended.Await();
  EXPECT_EQ(first.end.outcome, HttpOutcome::kAnswered);
  EXPECT_EQ(second.end.outcome, HttpOutcome::kAnswered) << second.end.reason;
  EXPECT_EQ(server_->requests().at(1).connection, 0);
}

TEST_F(AsyncHttpClientTest, HasManyExchangesAtATime) {
  constexpr std::size_t kExchanges = 200;
  Connections(kExchanges);
  Signal all;
  Serve([&all](const FakeHttpRequest& request, std::size_t) {
    FakeHttpAnswer answer;
    answer.next_piece = [&all, body = request.body,
                         sent = 0]() mutable -> std::optional<std::string> {
      if (sent == 1) {
        all.Await();
      }
      return ++sent <= 3 ? std::optional(body + ";") : std::nullopt;
    };
    return answer;
  });
  std::vector<Recorder> recorders(kExchanges);
  std::size_t begun = 0;
  Do([&] {
    for (std::size_t i = 0; i < kExchanges; ++i) {
      recorders[i].on_head = [&] {
        if (++begun == kExchanges) {
          all.Say();
        }
      };
      Start(Request(std::to_string(i)), &recorders[i]);
    }
  });
  for (std::size_t i = 0; i < kExchanges; ++i) {
    recorders[i].ended.Await();
    EXPECT_EQ(recorders[i].end.outcome, HttpOutcome::kAnswered);
    const std::string piece = std::to_string(i) + ";";
    EXPECT_EQ(recorders[i].body, piece + piece + piece);
  }
}

}  // namespace
}  // namespace nearhit
