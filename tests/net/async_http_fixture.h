// An asynchronous client on a loop of its own, and a server that answers as the test says.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/async_http_client.h"
#include "tests/support/fake_http_server.h"
#include "tests/support/signal.h"
#include "tests/support/status_matchers.h"

namespace nearhit {

// Keeps what it got, and does what the test says on the way.
class Recorder final : public AsyncHttpReceiver {
 public:
  void OnHead(HttpHead got) override {
    EXPECT_FALSE(*starting_);
    EXPECT_FALSE(over);
    EXPECT_EQ(++heads, 1);
    head = std::move(got);
    if (on_head) {
      on_head();
    }
  }
  bool OnBody(std::string_view bytes) override {
    EXPECT_FALSE(*starting_);
    EXPECT_FALSE(over);
    EXPECT_EQ(heads, 1);
    EXPECT_FALSE(bytes.empty());
    if (on_body && !on_body(bytes)) {
      return false;
    }
    body += bytes;
    size = body.size();
    return true;
  }
  void OnEnd(HttpEnd got) override {
    EXPECT_FALSE(*starting_);
    EXPECT_FALSE(over);
    over = true;
    end = std::move(got);
    if (on_end) {
      on_end();
    }
    ended.Say();
  }

  std::function<void()> on_head;
  std::function<bool(std::string_view)> on_body;
  std::function<void()> on_end;
  AsyncHttpClient::Exchange* exchange = nullptr;
  int heads = 0;
  HttpHead head;
  std::string body;
  std::atomic<std::size_t> size{0};  // of the body
  bool over = false;                 // ended, or cancelled
  HttpEnd end;
  Signal ended;
  const bool* starting_ = nullptr;  // within Start()
};

class AsyncHttpClientTest : public testing::Test {
 protected:
  AsyncHttpClientTest() {
    auto loop = EventLoop::Create();
    EXPECT_THAT(loop, IsOk());
    loop_ = *std::move(loop);
    Connections(16);
  }
  void TearDown() override {
    released_.Say();
    loop_->Stop();
    if (thread_.joinable()) {
      thread_.join();
    }
    client_.reset();
  }

  void Connections(std::size_t most) {
    client_ = std::make_unique<AsyncHttpClient>(loop_.get(), most);
  }
  // What the server answers to every request.
  void Answer(const FakeHttpAnswer& answer) {
    Serve([answer](const FakeHttpRequest&, std::size_t) { return answer; });
  }
  void Serve(FakeHttpServer::Handler handler) { server_.emplace(std::move(handler)); }
  // Pieces, and then nothing more until the test ends.
  FakeHttpAnswer Endless(std::vector<std::string> pieces) {
    FakeHttpAnswer answer;
    answer.next_piece = [this, pieces = std::move(pieces),
                         next = std::size_t{0}]() mutable -> std::optional<std::string> {
      if (next < pieces.size()) {
        return pieces[next++];
      }
      released_.Await();
      return std::nullopt;
    };
    return answer;
  }

  // Runs it on the loop's thread, and waits.
  void Do(const std::function<void()>& task) {
    if (!thread_.joinable()) {
      thread_ = std::thread([this] { loop_->Run(); });
    }
    Signal done;
    loop_->Post([&] {
      task();
      done.Say();
    });
    done.Await();
  }
  AsyncHttpRequest Request(std::string body = "request") const {
    AsyncHttpRequest request;
    request.url = server_->url() + "/v1";
    request.body = std::make_shared<const std::string>(std::move(body));
    return request;
  }
  // On the loop's thread.
  void Start(AsyncHttpRequest request, Recorder* recorder) {
    recorder->starting_ = &starting_;
    starting_ = true;
    recorder->exchange = client_->Start(std::move(request), recorder);
    starting_ = false;
  }
  void Cancel(Recorder* recorder) {
    recorder->over = true;
    client_->Cancel(recorder->exchange);
  }
  HttpOutcome Exchange(AsyncHttpRequest request, Recorder* recorder) {
    Do([&] { Start(std::move(request), recorder); });
    recorder->ended.Await();
    return recorder->end.outcome;
  }
  HttpOutcome Outcome(AsyncHttpRequest request) {
    Recorder recorder;
    return Exchange(std::move(request), &recorder);
  }

  Signal released_;
  std::optional<FakeHttpServer> server_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<AsyncHttpClient> client_;
  bool starting_ = false;
  std::thread thread_;
};

}  // namespace nearhit
