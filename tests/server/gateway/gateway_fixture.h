// A gateway in this process, in front of a provider that answers as the test says.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "nearhit/database.h"
#include "net/http_client.h"
#include "server/core/service_core.h"
#include "server/gateway/gateway.h"
#include "server/http/tls_source.h"
#include "tests/server/http/http_reply.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_http_server.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {

inline constexpr char kChat[] = "/v1/chat/completions";

// What the gateway answered.
struct GatewayReply : HttpReply {
  std::string how() const { return Header("x-nearhit-status"); }
  std::string reason() const { return Header("x-nearhit-reason"); }
};

class GatewayTest : public testing::Test {
 protected:
  using Handler = FakeHttpServer::Handler;

  GatewayTest() {
    config_.embedder.kind = "lexical";
    config_.threshold = 0.85F;
  }

  // Starts both. `change` may set options; the upstream is there already.
  void Serve(Handler provider, std::function<void(GatewayOptions*)> change = {}) {
    provider_ = std::make_unique<FakeHttpServer>(std::move(provider));
    Open(change);
    change_ = std::move(change);
  }

  // The gateway with its database; the provider goes on.
  void Restart() {
    Close();
    Open(change_);
  }

  void Open(const std::function<void(GatewayOptions*)>& change) {
    DatabaseOptions storage;
    storage.path = path_;
    storage.in_memory = path_.empty();
    auto db = Database::Open(storage);
    ASSERT_THAT(db, IsOk());
    db_ = *std::move(db);
    if (!db_->DescribeNamespace("gateway").ok()) {
      ASSERT_THAT(db_->CreateNamespace("gateway", config_), IsOk());
    }
    core_ = std::make_unique<ServiceCore>(db_.get(), ServerOptions(), "");
    GatewayOptions options;
    options.listen = "127.0.0.1:0";
    options.upstreams.push_back({.name = "fake", .url = provider_->url()});
    if (change) {
      change(&options);
    }
    auto gateway = Gateway::Start(core_.get(), options, "secret", tls_);
    ASSERT_THAT(gateway, IsOk());
    gateway_ = *std::move(gateway);
  }

  void Close() {
    gateway_.reset();
    if (core_ != nullptr) {
      EXPECT_THAT(core_->Stop(true), IsOk());
    }
    core_.reset();
    db_.reset();
  }

  void TearDown() override {
    Close();
    provider_.reset();
  }

  std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(gateway_->port()) + path;
  }

  GatewayReply Post(const std::string& path, const std::string& body,
                    std::vector<HttpHeader> headers = {}) const {
    headers.push_back({.name = "content-type", .value = "application/json"});
    return Send("POST", path, body, headers);
  }

  // Gets each piece of a body as it comes; false ends the exchange.

  // Asks a chat of ChatRequest().
  GatewayReply Chat(const std::string& text, const std::string& more = "",
                    OnPiece on_piece = {}) const;

  GatewayReply Send(const std::string& method, const std::string& path, const std::string& body,
                    const std::vector<HttpHeader>& headers = {}, OnPiece on_piece = {}) const {
    const std::string address = url(path);
    GatewayReply reply{
        SendRequest(client_, {.method = method, .url = address, .headers = headers, .body = body},
                    std::move(on_piece))};
    if (settles_) {
      Settle();
    }
    return reply;
  }

  // Waits until what was answered is stored, or is not.
  void Settle() const {
    ASSERT_TRUE(Eventually([this] { return gateway_->flying() == 0; }));
  }

  std::size_t calls() const { return provider_->requests().size(); }

  bool settles_ = true;  // Settle() after every request
  // Set these before Serve().
  std::shared_ptr<TlsSource> tls_;  // null: plain HTTP
  std::filesystem::path path_;      // of the database; empty: in memory
  NamespaceConfig config_;          // of the namespace "gateway"
  std::function<void(GatewayOptions*)> change_;
  std::unique_ptr<FakeHttpServer> provider_;
  std::unique_ptr<Database> db_;
  std::unique_ptr<ServiceCore> core_;
  std::unique_ptr<Gateway> gateway_;
  HttpClient client_;
};

inline FakeHttpAnswer Json(std::string body, int status = 200) {
  return {
      .status = status, .headers = {{"content-type", "application/json"}}, .body = std::move(body)};
}

// A stream that is sent event by event.
inline FakeHttpAnswer Events(std::vector<std::string> blocks) {
  FakeHttpAnswer answer{.headers = {{"content-type", "text/event-stream"}}};
  answer.next_piece = [blocks = std::move(blocks), next = std::size_t{0}]() mutable {
    return next < blocks.size() ? std::optional(blocks[next++]) : std::nullopt;
  };
  return answer;
}

inline std::string ChatBody(const std::string& text) {
  return R"({"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m",)"
         R"("choices":[{"index":0,"message":{"role":"assistant","content":")" +
         text +
         R"("},"finish_reason":"stop"}],)"
         R"("usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}})";
}

inline std::vector<std::string> ChatEvents(const std::vector<std::string>& words, bool with_usage) {
  const std::string head = R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk",)"
                           R"("created":1700000000,"model":"m",)";
  std::vector<std::string> blocks;
  blocks.reserve(words.size() + 3);
  bool first = true;
  for (const std::string& word : words) {
    blocks.push_back(head + R"("choices":[{"index":0,"delta":{)" +
                     (std::exchange(first, false) ? R"("role":"assistant",)" : "") +
                     R"("content":")" + word + R"("},"finish_reason":null}]})" + "\n\n");
  }
  blocks.push_back(head + R"("choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})" + "\n\n");
  if (with_usage) {
    blocks.push_back(
        head +
        R"("choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}})" +
        "\n\n");
  }
  blocks.emplace_back("data: [DONE]\n\n");
  return blocks;
}

inline std::string ChatRequest(const std::string& text, const std::string& more = "") {
  return R"({"model":"m","messages":[{"role":"system","content":"Be short."},)"
         R"({"role":"user","content":")" +
         text + R"("}])" + more + "}";
}

inline GatewayReply GatewayTest::Chat(const std::string& text, const std::string& more,
                                      OnPiece on_piece) const {
  return Send("POST", "/v1/chat/completions", ChatRequest(text, more),
              {{.name = "content-type", .value = "application/json"}}, std::move(on_piece));
}

}  // namespace nearhit::server
