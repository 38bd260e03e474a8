// The gateway's certificate, from flags to the log, as the daemon has it.
#include "server/daemon/gateway_setup.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/daemon/daemon.h"
#include "server/daemon/log.h"
#include "tests/server/http/http_client_socket.h"
#include "tests/support/certificates.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tls_client.h"

namespace nearhit::server {
namespace {

using testing::HasSubstr;
using testing::Not;

class GatewaySetupTest : public testing::Test {
 protected:
  GatewaySetupTest() {
    Replace(authority_.Issue("first"));
    flags_.http_listen = "127.0.0.1:0";
    flags_.upstreams = {"http://127.0.0.1:9"};
    flags_.http_tls_certificate = certificate_.string();
    flags_.http_tls_key = key_.string();
    flags_.model_folder = "";
    EXPECT_THAT(InitLog({.level = "info", .format = LogFormat::kText, .file = log_.string()}),
                IsOk());
  }
  void TearDown() override { EXPECT_THAT(InitLog({}), IsOk()); }

  void Replace(const CertifiedKey& pair) const {
    ReplaceFile(certificate_, pair.certificate);
    ReplaceFile(key_, pair.key);
  }
  std::string LogText() const {
    std::ifstream file(log_);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  Config LoadedConfig() const {
    auto config = ConfigFromFlags(flags_);
    EXPECT_THAT(config, IsOk());
    config->server.listen = "127.0.0.1:0";
    config->storage.in_memory = true;
    return *std::move(config);
  }
  // That a new connection shows.
  std::string NameShown(std::uint16_t port) const {
    const HttpClientSocket client(
        port, 0,
        std::make_unique<TlsClient>(TlsClientOptions{.authority = authority_.certificate()}));
    return client.tls()->peer_name();
  }

  const TempDir dir_;
  const std::filesystem::path certificate_ = dir_.path() / "certificate";
  const std::filesystem::path key_ = dir_.path() / "key";
  const std::filesystem::path log_ = dir_.path() / "log";
  const TestAuthority authority_{"authority"};
  DaemonFlags flags_;
};

TEST_F(GatewaySetupTest, TakesANewCertificateAndKeepsItWhileTheNextIsBad) {
  auto daemon = Daemon::Start(LoadedConfig());
  ASSERT_THAT(daemon, IsOk());
  const std::uint16_t port = (*daemon)->gateway()->port();
  EXPECT_EQ(NameShown(port), "first");
  (*daemon)->LookAtCertificate();
  EXPECT_EQ(LogText(), "");
  Replace(authority_.Issue("second"));
  (*daemon)->LookAtCertificate();
  EXPECT_EQ(NameShown(port), "second");
  EXPECT_THAT(LogText(), HasSubstr("info the gateway has a new certificate"));
  const CertifiedKey third = authority_.Issue("third");
  ReplaceFile(key_, third.key);
  (*daemon)->LookAtCertificate();
  (*daemon)->LookAtCertificate();
  EXPECT_EQ(NameShown(port), "second");
  const std::string line = "error the gateway keeps its certificate: gateway.tls_key \"" +
                           key_.string() + "\" is not the key";
  EXPECT_THAT(LogText(), HasSubstr(line));
  EXPECT_EQ(LogText().find(line), LogText().rfind(line)) << "it is said once";
  EXPECT_THAT(LogText(), Not(HasSubstr("BEGIN")));
  ASSERT_THAT((*daemon)->ListenAnew(), IsOk());
  EXPECT_EQ(NameShown(port), "second") << "it still has the pair that was good";
  EXPECT_THAT((*daemon)->Stop(), IsOk());
}

TEST_F(GatewaySetupTest, SaysThatACertificateHasExpired) {
  Replace(authority_.Issue("first", std::chrono::hours(-1)));
  EXPECT_THAT(OpenGatewayTls(LoadedConfig().gateway), IsOk());
  EXPECT_THAT(LogText(),
              HasSubstr("warning the certificate of gateway.tls_certificate has expired"));
}

TEST_F(GatewaySetupTest, BadFilesAreFoundByACheckAndAStart) {
  flags_.check_config = true;
  EXPECT_EQ(RunDaemon(flags_), kExitOk);
  std::filesystem::remove(key_);
  EXPECT_EQ(RunDaemon(flags_), kExitConfig);
  EXPECT_THAT(LogText(), HasSubstr("gateway.tls_key \"" + key_.string() + "\" cannot be read"));
  EXPECT_THAT(Daemon::Start(LoadedConfig()),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("gateway.tls_key")));
}

TEST_F(GatewaySetupTest, FlagsNeedEachOther) {
  flags_.http_tls_key.reset();
  EXPECT_THAT(ConfigFromFlags(flags_),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("--http-tls-certificate and")));
  flags_.http_tls_certificate.reset();
  EXPECT_THAT(ConfigFromFlags(flags_), IsOk());
  flags_.http_tls_client_ca = "ca";
  EXPECT_THAT(ConfigFromFlags(flags_),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("--http-tls-client-ca needs")));
}

TEST_F(GatewaySetupTest, WarnsOfAListenerThatOthersCanReach) {
  const auto said = [this](const std::string& listen, const std::string& certificate) {
    std::filesystem::resize_file(log_, 0);
    GatewayOptions gateway;
    gateway.listen = listen;
    gateway.tls_certificate = certificate;
    AnnounceGateway(gateway, 7780);
    return LogText();
  };
  for (const char* const near : {"127.0.0.1:7780", "127.1.2.3:0", "[::1]:7780", "localhost:7780"}) {
    EXPECT_THAT(said(near, ""), Not(HasSubstr("warning"))) << near;
  }
  for (const char* const far : {"0.0.0.0:7780", "[::]:7780", "10.0.0.1:7780", "box:7780"}) {
    EXPECT_THAT(said(far, ""), HasSubstr("warning the gateway has no TLS")) << far;
    EXPECT_THAT(said(far, "c"), Not(HasSubstr("warning"))) << far;
  }
  EXPECT_THAT(said("127.0.0.1:0", "c"), HasSubstr("127.0.0.1:0, port 7780, with TLS"));
}

}  // namespace
}  // namespace nearhit::server
