// The client of a stream, as a test has it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "server/http/responder.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {

// Keeps what is written, and takes as much as the test says.
class FakeResponder final : public HttpResponder {
 public:
  explicit FakeResponder(std::shared_ptr<EventLoop> loop) : loop_(std::move(loop)) {}

  const std::shared_ptr<EventLoop>& loop() override { return loop_; }
  bool gone() const override { return has_gone || ended; }
  void Send(int, std::vector<HttpHeader>, std::string) override { ADD_FAILURE(); }
  void Begin(int, std::vector<HttpHeader>) override { ADD_FAILURE(); }
  void Write(std::string_view bytes) override {
    writes.emplace_back(bytes);
    if (on_write) {
      on_write();
    }
  }
  void Flush() override {}
  void End(std::string_view last) override {
    EXPECT_EQ(last, "");
    ended = true;
    drained = nullptr;
    gone_callback = nullptr;
    loop_->Stop();
  }
  void Abort() override { ADD_FAILURE(); }
  std::size_t unsent() const override { return untaken; }
  void SetDrained(std::function<void()> callback) override { drained = std::move(callback); }
  void SetGone(std::function<void()> callback) override { gone_callback = std::move(callback); }

  void Go() {
    has_gone = true;
    drained = nullptr;
    std::exchange(gone_callback, nullptr)();
  }

  std::vector<std::string> writes;
  std::function<void()> on_write;
  std::size_t untaken = 0;
  bool has_gone = false;
  bool ended = false;
  std::function<void()> drained;
  std::function<void()> gone_callback;

 private:
  const std::shared_ptr<EventLoop> loop_;
};

// One on a loop that the test runs.
class FakeResponderTest : public testing::Test {
 protected:
  void SetUp() override {
    auto loop = EventLoop::Create();
    ASSERT_THAT(loop, IsOk());
    loop_ = *std::move(loop);
    client_ = std::make_shared<FakeResponder>(loop_);
  }

  std::shared_ptr<EventLoop> loop_;
  std::shared_ptr<FakeResponder> client_;
};

}  // namespace nearhit::server
