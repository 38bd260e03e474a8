// A server in this process that answers as the test says.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "server/http/http_server.h"
#include "tests/server/http/http_client_socket.h"
#include "tests/support/eventually.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {

using ResponderPtr = std::shared_ptr<HttpResponder>;
using Answerer = std::function<void(HttpServerRequest, ResponderPtr)>;

// Far from what a test waits for.
inline constexpr std::chrono::milliseconds kLong{600'000};

// Answers as the test says.
class ScriptedHandler final : public HttpHandler {
 public:
  ScriptedHandler(Answerer answer, std::function<void()> tick)
      : answer_(std::move(answer)), tick_(std::move(tick)) {}
  void OnRequest(HttpServerRequest request, ResponderPtr responder) override {
    answer_(std::move(request), std::move(responder));
  }
  void OnTick() override {
    if (tick_) {
      tick_();
    }
  }

 private:
  const Answerer answer_;
  const std::function<void()> tick_;
};

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    options_.listen = "127.0.0.1:0";
    options_.limits.request_timeout = kLong;
    options_.limits.idle_timeout = kLong;
    options_.limits.write_timeout = kLong;
  }

  void Serve(Answerer answer, std::function<void()> tick = {}) {
    auto server = HttpServer::Start(
        options_, [answer = std::move(answer), tick = std::move(tick)](const auto&) {
          return std::make_unique<ScriptedHandler>(answer, tick);
        });
    ASSERT_THAT(server, IsOk());
    server_ = *std::move(server);
  }
  // Answers every request with its target.
  void Echo() {
    Serve([](HttpServerRequest request, const ResponderPtr& responder) {
      responder->Send(200, {{.name = "x-body", .value = request.body}}, request.target);
    });
  }

  HttpClientSocket Connect(int receive_bytes = 0) const {
    return HttpClientSocket(server_->port(), receive_bytes);
  }
  bool AllGone() const {
    return Eventually([this] { return server_->connections() == 0; });
  }

  HttpServerOptions options_;
  std::unique_ptr<HttpServer> server_;
};

inline std::string Get(std::string_view target, std::string_view headers = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(headers) + "\r\n";
}

}  // namespace nearhit::server
