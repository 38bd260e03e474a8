// The gateway with TLS on its listener.
#include <filesystem>
#include <memory>
#include <string>

#include <gmock/gmock.h>

#include "tests/server/gateway/gateway_fixture.h"
#include "tests/server/http/http_client_socket.h"
#include "tests/support/certificates.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tls_client.h"

namespace nearhit::server {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

class GatewayTlsTest : public GatewayTest {
 protected:
  GatewayTlsTest() {
    Replace(authority_.Issue("first"));
    auto source = TlsSource::Create({.certificate = certificate_.string(), .key = key_.string()});
    EXPECT_THAT(source, IsOk());
    tls_ = *std::move(source);
  }

  void Replace(const CertifiedKey& pair) const {
    ReplaceFile(certificate_, pair.certificate);
    ReplaceFile(key_, pair.key);
  }
  void ServeTls(Handler provider) {
    Serve(std::move(provider),
          [this](GatewayOptions* options) { options->tls_certificate = certificate_.string(); });
  }
  HttpClientSocket Connect() const {
    return HttpClientSocket(
        gateway_->port(), 0,
        std::make_unique<TlsClient>(TlsClientOptions{.authority = authority_.certificate()}));
  }
  std::string Ask(const std::string& request, const std::string& body) const {
    HttpClientSocket client = Connect();
    EXPECT_TRUE(client.Send(request + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
                            "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body));
    std::string answer = client.ReadAll();
    EXPECT_TRUE(client.tls()->ended());
    return answer;
  }
  std::string Metrics() const { return Ask("GET /metrics", ""); }

  const TempDir dir_;
  const std::filesystem::path certificate_ = dir_.path() / "certificate";
  const std::filesystem::path key_ = dir_.path() / "key";
  const TestAuthority authority_{"authority"};
};

TEST_F(GatewayTlsTest, ServesFromTheCache) {
  ServeTls([](const FakeHttpRequest&, std::size_t) { return Json(ChatBody("Hello.")); });
  const std::string request = "POST /v1/chat/completions";
  const std::string body = ChatRequest("How do I reset my password?");
  EXPECT_THAT(Ask(request, body), HasSubstr("x-nearhit-status: miss\r\n"));
  Settle();
  const std::string again = Ask(request, body);
  EXPECT_THAT(again, HasSubstr("x-nearhit-status: exact\r\n"));
  EXPECT_THAT(again, EndsWith(ChatBody("Hello.")));
  EXPECT_EQ(calls(), 1U);
}

TEST_F(GatewayTlsTest, CountsWhatBecomesOfItsCertificate) {
  ServeTls([](const FakeHttpRequest&, std::size_t) { return Json("{}"); });
  constexpr char kFailures[] = "nearhit_gateway_tls_reload_failures_total ";
  constexpr char kExpiry[] = "nearhit_gateway_tls_expiry_timestamp_seconds ";
  const auto expiry = [this, &kExpiry] {
    const std::string text = Metrics();
    const std::size_t at = text.find(std::string("\n") + kExpiry);
    return at == std::string::npos ? 0 : std::stod(text.substr(at + sizeof(kExpiry)));
  };
  const double first = expiry();
  EXPECT_EQ(first, static_cast<double>(tls_->context()->expires_at()));
  EXPECT_THAT(Metrics(), HasSubstr(std::string(kFailures) + "0\n"));
  Replace({.certificate = "none", .key = "none"});
  EXPECT_THAT(tls_->Look(), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Metrics(), HasSubstr(std::string(kFailures) + "1\n"));
  EXPECT_EQ(expiry(), first);
  Replace(authority_.Issue("second", std::chrono::hours(48)));
  EXPECT_THAT(tls_->Look(), IsOkAndHolds(true));
  EXPECT_NEAR(expiry(), first + 86'400, 60);
}

// Nobody gets a plain gateway who asks for TLS.
TEST_F(GatewayTlsTest, IsNotStartedWithHalfOfIt) {
  ServeTls([](const FakeHttpRequest&, std::size_t) { return Json("{}"); });
  GatewayOptions options;
  options.listen = "127.0.0.1:0";
  EXPECT_THAT(Gateway::Start(core_.get(), options, "secret", tls_),
              StatusIs(StatusCode::kInvalidArgument));
  options.tls_certificate = certificate_.string();
  EXPECT_THAT(Gateway::Start(core_.get(), options, "secret"),
              StatusIs(StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace nearhit::server
