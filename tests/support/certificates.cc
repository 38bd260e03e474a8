#include "tests/support/certificates.h"

#include <fstream>
#include <memory>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/check.h"

namespace nearhit {
namespace {

struct Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
};
using Certificate = std::unique_ptr<X509, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Bio = std::unique_ptr<BIO, Free>;

std::string TextOf(BIO* bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  return std::string(text, static_cast<std::size_t>(size));
}

Bio BioOf(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

void Extend(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  NEARHIT_CHECK(extension != nullptr);
  NEARHIT_CHECK(X509_add_ext(certificate, extension.get(), -1) == 1);
}

CertifiedKey ToPem(X509* certificate, EVP_PKEY* key) {
  const Bio certificate_text(BIO_new(BIO_s_mem()));
  const Bio key_text(BIO_new(BIO_s_mem()));
  NEARHIT_CHECK(PEM_write_bio_X509(certificate_text.get(), certificate) == 1);
  NEARHIT_CHECK(
      PEM_write_bio_PrivateKey(key_text.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return {.certificate = TextOf(certificate_text.get()), .key = TextOf(key_text.get())};
}

// `authority`: null for one that signs itself.
CertifiedKey Make(const std::string& name, std::chrono::seconds left,
                  const CertifiedKey* authority) {
  constexpr long kDay = 86'400;
  const Key key(EVP_EC_gen("P-256"));
  const Certificate made(X509_new());
  NEARHIT_CHECK(key != nullptr && made != nullptr);
  std::uint32_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial));
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), left.count());
  X509_set_pubkey(made.get(), key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  if (authority == nullptr) {
    X509_set_issuer_name(made.get(), X509_get_subject_name(made.get()));
    Extend(made.get(), made.get(), NID_basic_constraints, "critical,CA:TRUE");
    NEARHIT_CHECK(X509_sign(made.get(), key.get(), EVP_sha256()) > 0);
    return ToPem(made.get(), key.get());
  }
  const Certificate issuer(
      PEM_read_bio_X509(BioOf(authority->certificate).get(), nullptr, nullptr, nullptr));
  const Key issuer_key(
      PEM_read_bio_PrivateKey(BioOf(authority->key).get(), nullptr, nullptr, nullptr));
  X509_set_issuer_name(made.get(), X509_get_subject_name(issuer.get()));
  Extend(made.get(), issuer.get(), NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
  Extend(made.get(), issuer.get(), NID_ext_key_usage, "serverAuth,clientAuth");
  NEARHIT_CHECK(X509_sign(made.get(), issuer_key.get(), EVP_sha256()) > 0);
  return ToPem(made.get(), key.get());
}

}  // namespace

TestAuthority::TestAuthority(const std::string& name)
    : own_(Make(name, std::chrono::hours(24), nullptr)) {
}

CertifiedKey TestAuthority::Issue(const std::string& name, std::chrono::seconds left) const {
  return Make(name, left, &own_);
}

void ReplaceFile(const std::filesystem::path& path, std::string_view text) {
  const std::filesystem::path fresh = path.string() + ".new";
  {
    std::ofstream file(fresh, std::ios::binary);
    file << text;
    NEARHIT_CHECK(file.good());
  }
  std::filesystem::rename(fresh, path);
}

}  // namespace nearhit
