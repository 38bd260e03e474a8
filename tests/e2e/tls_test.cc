// The certificate of a gateway in a process of its own.
#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <fstream>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/time.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/descriptor.h"
#include "tests/e2e/process.h"
#include "tests/support/certificates.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tls_client.h"

namespace nearhit {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

// The name of the certificate that a new connection to this port of loopback gets; empty for none.
std::string NameShown(std::uint16_t port, const std::string& authority) {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = 60, .tv_usec = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return "";
  }
  TlsClient tls({.authority = authority});
  std::string bytes(std::size_t{16} << 10, '\0');
  while (!tls.Shake() && tls.error().empty()) {
    const std::string out = tls.TakeOutput();
    ::send(socket.get(), out.data(), out.size(), MSG_NOSIGNAL);
    const ssize_t got = ::recv(socket.get(), bytes.data(), bytes.size(), 0);
    if (got <= 0) {
      return "";
    }
    tls.Feed(std::string_view(bytes).substr(0, static_cast<std::size_t>(got)));
  }
  return tls.peer_name();
}

class GatewayProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    Replace(authority_.Issue("first"));
    std::ofstream(Path("nearhit.toml"))
        << "[server]\nlisten = '127.0.0.1:0'\n[storage]\nin_memory = true\n"
           "[embedding]\nmodel_folder = ''\n[gateway]\nlisten = '127.0.0.1:0'\n"
        << "tls_certificate = '" << Path("certificate") << "'\ntls_key = '" << Path("key") << "'\n"
        << "[[gateway.upstream]]\nurl = 'http://127.0.0.1:9'\n";
    daemon_ = std::make_unique<Process>(
        std::vector<std::string>{NEARHITD_PROGRAM, "--config", Path("nearhit.toml")}, Path("out"),
        Path("log"));
    const std::string before = "the gateway listens on 127.0.0.1:0, port ";
    ASSERT_TRUE(Eventually([&] { return Log().find(", with TLS") != std::string::npos; })) << Log();
    port_ = static_cast<std::uint16_t>(std::stoi(Log().substr(Log().find(before) + before.size())));
  }

  std::string Path(const std::string& name) const { return (dir_.path() / name).string(); }
  std::string Log() const { return ReadAll(Path("log")); }
  void Replace(const CertifiedKey& pair) const {
    ReplaceFile(Path("certificate"), pair.certificate);
    ReplaceFile(Path("key"), pair.key);
  }

  const TempDir dir_;
  const TestAuthority authority_{"authority"};
  std::unique_ptr<Process> daemon_;
  std::uint16_t port_ = 0;
};

TEST_F(GatewayProcessTest, HangUpTakesANewCertificateAtOnce) {
  EXPECT_EQ(NameShown(port_, authority_.certificate()), "first");
  Replace(authority_.Issue("second"));
  daemon_->Signal(SIGHUP);
  // It looks without a signal as well, but only every ten seconds.
  EXPECT_TRUE(Eventually([this] { return NameShown(port_, authority_.certificate()) == "second"; },
                         seconds(8)))
      << Log();
  EXPECT_THAT(Log(), HasSubstr("the gateway has a new certificate"));
  Replace({.certificate = "none", .key = "none"});
  daemon_->Signal(SIGHUP);
  EXPECT_TRUE(Eventually([this] {
    return Log().find("the gateway keeps its certificate") != std::string::npos;
  })) << Log();
  EXPECT_EQ(NameShown(port_, authority_.certificate()), "second");
  daemon_->Signal(SIGTERM);
  EXPECT_EQ(daemon_->Wait(seconds(60)), 0) << Log();
}

}  // namespace
}  // namespace nearhit
