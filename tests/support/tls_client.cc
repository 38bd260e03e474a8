#include "tests/support/tls_client.h"

#include <array>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/check.h"

namespace nearhit {
namespace {

struct Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};

std::unique_ptr<X509, Free> ReadCertificate(const std::string& pem) {
  const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return std::unique_ptr<X509, Free>(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

std::unique_ptr<EVP_PKEY, Free> ReadKey(const std::string& pem) {
  const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return std::unique_ptr<EVP_PKEY, Free>(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

}  // namespace

void TlsClient::Deleter::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

void TlsClient::Deleter::operator()(ssl_st* ssl) const {
  SSL_free(ssl);
}

TlsClient::TlsClient(const TlsClientOptions& options) : context_(SSL_CTX_new(TLS_client_method())) {
  SSL_CTX* const context = context_.get();
  const auto authority = ReadCertificate(options.authority);
  NEARHIT_CHECK(authority != nullptr);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get());
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (options.version != 0) {
    SSL_CTX_set_security_level(context, 0);  // versions that nobody should speak, too
    SSL_CTX_set_min_proto_version(context, options.version);
    SSL_CTX_set_max_proto_version(context, options.version);
  }
  if (!options.own.key.empty()) {
    SSL_CTX_use_certificate(context, ReadCertificate(options.own.certificate).get());
    SSL_CTX_use_PrivateKey(context, ReadKey(options.own.key).get());
  }
  ssl_.reset(SSL_new(context));
  SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(ssl_.get());
  SSL_set1_host(ssl_.get(), "localhost");
  SSL_set_max_cert_list(ssl_.get(), 1L << 20);
  SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(options.protocols.data()),
                      static_cast<unsigned int>(options.protocols.size()));
}

std::string TlsClient::TakeOutput() {
  std::string bytes(BIO_ctrl_pending(SSL_get_wbio(ssl_.get())), '\0');
  if (!bytes.empty()) {
    BIO_read(SSL_get_wbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
  }
  return bytes;
}

void TlsClient::Feed(std::string_view bytes) {
  if (!bytes.empty()) {
    BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
  }
}

bool TlsClient::Shake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  Note(result);
  return result == 1;
}

void TlsClient::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    ERR_clear_error();
    const int written = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (written <= 0) {
      Note(written);
      return;
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void TlsClient::Renegotiate() {
  SSL_renegotiate(ssl_.get());
  Shake();
}

void TlsClient::UpdateKeys() {
  SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED);
  Shake();
}

std::string TlsClient::Read() {
  std::string all;
  std::array<char, 16'384> piece{};
  while (true) {
    ERR_clear_error();
    const int got = SSL_read(ssl_.get(), piece.data(), static_cast<int>(piece.size()));
    if (got <= 0) {
      Note(got);
      return all;
    }
    all.append(piece.data(), static_cast<std::size_t>(got));
  }
}

std::string TlsClient::peer_name() const {
  std::array<char, 256> name{};
  X509* const peer = SSL_get0_peer_certificate(ssl_.get());
  if (peer != nullptr) {
    X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, name.data(),
                              static_cast<int>(name.size()));
  }
  return name.data();
}

std::string TlsClient::version() const {
  return SSL_get_version(ssl_.get());
}

std::string TlsClient::protocol() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return std::string(reinterpret_cast<const char*>(name), size);
}

bool TlsClient::resumed() const {
  return SSL_session_reused(ssl_.get()) == 1;
}

std::shared_ptr<ssl_session_st> TlsClient::session() const {
  return {SSL_get1_session(ssl_.get()), SSL_SESSION_free};
}

void TlsClient::Resume(ssl_session_st* session) {
  SSL_set_session(ssl_.get(), session);
}

void TlsClient::Note(int result) {
  const int error = result > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), result);
  ended_ = ended_ || error == SSL_ERROR_ZERO_RETURN;
  if (error == SSL_ERROR_SSL && error_.empty()) {
    const char* const reason = ERR_reason_error_string(ERR_peek_error());
    error_ = reason == nullptr ? "unknown" : reason;
  }
}

}  // namespace nearhit
