#include "server/http/tls_context.h"

#include <chrono>
#include <ctime>
#include <filesystem>
#include <functional>
#include <string>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/http/tls_source.h"
#include "tests/support/certificates.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit::server {
namespace {

using testing::HasSubstr;

class TlsContextTest : public testing::Test {
 protected:
  TlsContextTest() { Write(authority_.Issue("a")); }

  std::string Path(const char* name) const { return (dir_.path() / name).string(); }
  void Write(const CertifiedKey& pair) const {
    ReplaceFile(Path("certificate"), pair.certificate);
    ReplaceFile(Path("key"), pair.key);
  }

  const TempDir dir_;
  const TestAuthority authority_{"authority"};
  const TlsFiles files_{.certificate = Path("certificate"), .key = Path("key")};
};

TEST_F(TlsContextTest, KnowsWhenItsCertificateExpires) {
  Write(authority_.Issue("a", std::chrono::hours(3)));
  const auto context = TlsContext::Load(files_);
  ASSERT_THAT(context, IsOk());
  EXPECT_NEAR(static_cast<double>((*context)->expires_at()),
              static_cast<double>(std::time(nullptr) + 3 * 3'600), 60);
  Write(authority_.Issue("a", std::chrono::hours(-3)));
  EXPECT_THAT(TlsContext::Load(files_), IsOk());  // whoever starts it may say so
}

TEST_F(TlsContextTest, TakesAChain) {
  const CertifiedKey pair = authority_.Issue("a");
  ReplaceFile(Path("key"), pair.key);
  ReplaceFile(Path("certificate"),
              pair.certificate + "\n# the authority\n" + authority_.certificate());
  EXPECT_THAT(TlsContext::Load(files_), IsOk());
}

TEST_F(TlsContextTest, SaysWhichFileIsWrongAndWhy) {
  const std::string good = authority_.Issue("a").certificate;
  const std::string damaged = good.substr(0, 200) + "!" + good.substr(201);
  const std::string encrypted =
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n"
      "-----END ENCRYPTED PRIVATE KEY-----\n";
  struct Case {
    const char* file;
    std::string text;
    std::string message;
  };
  for (const Case& c : std::vector<Case>{
           {"certificate", "",
            "tls_certificate \"" + Path("certificate") + "\" has no certificate in PEM"},
           {"certificate", "nonsense", "has no certificate in PEM"},
           {"certificate", damaged, "has a damaged certificate: "},
           {"certificate", good + damaged, "has a damaged chain: "},
           {"certificate", std::string(2'000'000, 'x'), "has over 1048576 bytes"},
           {"certificate", good,
            "tls_key \"" + Path("key") + "\" is not the key of the certificate in tls_certificate"},
           {"key", "", "tls_key \"" + Path("key") + "\" has no private key in PEM"},
           {"key", good, "has no private key in PEM"},
           {"key", encrypted, "is encrypted; a key without a passphrase is needed"},
           {"clients", "", "tls_client_ca \"" + Path("clients") + "\" has no certificate in PEM"},
           {"clients", good + damaged, "has a damaged certificate: "}}) {
    Write(authority_.Issue("a"));
    TlsFiles files = files_;
    files.client_ca = c.file == std::string_view("clients") ? Path("clients") : "";
    ReplaceFile(Path(c.file), c.text);
    EXPECT_THAT(TlsContext::Load(files),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr(c.message)));
  }
}

TEST_F(TlsContextTest, SaysWhichFileCannotBeRead) {
  const auto without = [this](const std::function<void(TlsFiles*)>& change) {
    TlsFiles files = files_;
    change(&files);
    return TlsContext::Load(files);
  };
  EXPECT_THAT(without([](TlsFiles* files) { files->certificate = "/none/here"; }),
              StatusIs(StatusCode::kInvalidArgument,
                       "tls_certificate \"/none/here\" cannot be read: No such file or directory"));
  EXPECT_THAT(without([this](TlsFiles* files) { files->key = dir_.path().string(); }),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("cannot be read: Is a directory")));
  EXPECT_THAT(without([](TlsFiles* files) { files->client_ca = "/none/here"; }),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("tls_client_ca \"/none/here\"")));
  if (::geteuid() != 0) {  // who may read everything
    std::filesystem::permissions(Path("key"), std::filesystem::perms::none);
    EXPECT_THAT(TlsContext::Load(files_),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("Permission denied")));
  }
}

TEST_F(TlsContextTest, SourceFollowsItsFiles) {
  EXPECT_THAT(TlsSource::Create({.certificate = "/none/here", .key = "/none/here"}),
              StatusIs(StatusCode::kInvalidArgument));
  const auto source = TlsSource::Create(files_);
  ASSERT_THAT(source, IsOk());
  const auto first = (*source)->context();
  EXPECT_THAT((*source)->Look(), IsOkAndHolds(false));
  EXPECT_EQ((*source)->context(), first);
  Write(authority_.Issue("a"));
  EXPECT_THAT((*source)->Look(), IsOkAndHolds(true));
  EXPECT_NE((*source)->context(), first);
  EXPECT_EQ((*source)->failed_looks(), 0U);
}

// A key may come a little later than its certificate.
TEST_F(TlsContextTest, SourceKeepsAPairUntilBothFilesFit) {
  const auto source = TlsSource::Create(files_);
  ASSERT_THAT(source, IsOk());
  const auto first = (*source)->context();
  const CertifiedKey next = authority_.Issue("a");
  ReplaceFile(Path("certificate"), next.certificate);
  EXPECT_THAT((*source)->Look(), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_EQ((*source)->failed_looks(), 1U);
  EXPECT_THAT((*source)->Look(), IsOkAndHolds(false)) << "it is said once";
  EXPECT_EQ((*source)->context(), first);
  std::filesystem::remove(Path("key"));
  EXPECT_THAT((*source)->Look(), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_EQ((*source)->failed_looks(), 2U);
  ReplaceFile(Path("key"), next.key);
  EXPECT_THAT((*source)->Look(), IsOkAndHolds(true));
  EXPECT_NE((*source)->context(), first);
}

}  // namespace
}  // namespace nearhit::server
