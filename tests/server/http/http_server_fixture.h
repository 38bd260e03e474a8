// A server in this process that answers as the test says.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "server/http/http_server.h"
#include "tests/server/http/http_client_socket.h"
#include "tests/support/certificates.h"
#include "tests/support/eventually.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tls_client.h"

namespace nearhit::server {

using ResponderPtr = std::shared_ptr<HttpResponder>;
using Answerer = std::function<void(HttpServerRequest, ResponderPtr)>;

// Far from what a test waits for.
inline constexpr std::chrono::milliseconds kLong{600'000};
// Long enough for a handshake, and over at the second look at the clock.
inline constexpr std::chrono::milliseconds kShort{300};

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

// What a server shows that has TLS, in files, and who trusts it.
class TestIdentity {
 public:
  TestIdentity() : authority_("authority") {
    Replace(authority_.Issue("first"));
    auto source = TlsSource::Create(files());
    NEARHIT_CHECK(source.ok());
    source_ = *std::move(source);
  }

  TlsFiles files() const {
    return {.certificate = certificate_.string(), .key = key_.string(), .client_ca = client_ca_};
  }
  const TestAuthority& authority() const { return authority_; }
  const std::shared_ptr<TlsSource>& source() const { return source_; }

  // The source does not look by itself.
  void Replace(const CertifiedKey& pair) const {
    ReplaceFile(certificate_, pair.certificate);
    ReplaceFile(key_, pair.key);
  }
  // From here on clients need a certificate of this authority.
  void DemandClients(const TestAuthority& authority) {
    client_ca_ = (dir_.path() / "clients").string();
    ReplaceFile(client_ca_, authority.certificate());
    auto source = TlsSource::Create(files());
    NEARHIT_CHECK(source.ok());
    source_ = *std::move(source);
  }
  std::unique_ptr<TlsClient> Client(TlsClientOptions options = {}) const {
    options.authority = authority_.certificate();
    return std::make_unique<TlsClient>(options);
  }

 private:
  const TempDir dir_;
  const std::filesystem::path certificate_ = dir_.path() / "certificate";
  const std::filesystem::path key_ = dir_.path() / "key";
  std::string client_ca_;
  const TestAuthority authority_;
  std::shared_ptr<TlsSource> source_;
};

// The bytes of connections: as they are, or in TLS.
enum class Wire : std::uint8_t { kPlain, kTls };

class HttpServerFixture {
 protected:
  explicit HttpServerFixture(Wire wire) {
    options_.listen = "127.0.0.1:0";
    options_.limits.request_timeout = kLong;
    options_.limits.idle_timeout = kLong;
    options_.limits.write_timeout = kLong;
    if (wire == Wire::kTls) {
      identity_.emplace();
      options_.tls = identity_->source();
    }
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
    return HttpClientSocket(server_->port(), receive_bytes,
                            identity_ ? identity_->Client() : nullptr);
  }
  bool AllGone() const {
    return Eventually([this] { return server_->connections() == 0; });
  }

  std::optional<TestIdentity> identity_;
  HttpServerOptions options_;
  std::unique_ptr<HttpServer> server_;
};

// What holds over both.
class HttpServerTest : public testing::TestWithParam<Wire>, protected HttpServerFixture {
 protected:
  HttpServerTest() : HttpServerFixture(GetParam()) {}
};

inline auto BothWires() {
  return testing::Values(Wire::kPlain, Wire::kTls);
}

inline std::string WireName(const testing::TestParamInfo<Wire>& info) {
  return info.param == Wire::kTls ? "Tls" : "Plain";
}

inline std::string Get(std::string_view target, std::string_view headers = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(headers) + "\r\n";
}

}  // namespace nearhit::server
