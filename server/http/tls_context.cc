#include "server/http/tls_context.h"

#include <array>
#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string_view>
#include <system_error>
#include <tuple>
#include <unistd.h>
#include <utility>

#include "base/descriptor.h"

namespace nearhit::server {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;

struct Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Certificate = std::unique_ptr<X509, Free>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Free>;

// One of the files: what messages call it, and what it holds, which may be a secret.
class PemFile {
 public:
  PemFile(std::string_view name, std::string path) : name_(name), path_(std::move(path)) {}
  ~PemFile() { OPENSSL_cleanse(text_.data(), text_.size()); }
  PemFile(const PemFile&) = delete;
  PemFile& operator=(const PemFile&) = delete;

  Status Read() {
    const Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) {
      return Unreadable(errno);
    }
    text_.resize(kMaxFileBytes + 1);  // no reallocation that would leave a copy behind
    std::size_t size = 0;
    ssize_t got = 1;
    while (size < text_.size() && got > 0) {
      got = ::read(file.get(), text_.data() + size, text_.size() - size);
      size += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    if (got < 0) {
      return Unreadable(errno);
    }
    if (size > kMaxFileBytes) {
      return Bad("has over " + std::to_string(kMaxFileBytes) + " bytes");
    }
    bio_.reset(BIO_new_mem_buf(text_.data(), static_cast<int>(size)));
    ERR_clear_error();
    return bio_ == nullptr ? ResourceExhausted("no memory for TLS") : Status();
  }

  BIO* bio() const { return bio_.get(); }
  bool encrypted() const { return text_.find("ENCRYPTED") != std::string::npos; }
  // Null at the end, and where the text is damaged: end() tells which.
  Certificate Next() const {
    return Certificate(PEM_read_bio_X509(bio(), nullptr, NoPassphrase, nullptr));
  }
  static bool end() { return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE; }

  Status Bad(std::string_view what) const {
    return InvalidArgument(name_ + " \"" + path_ + "\" " + std::string(what));
  }
  // With the reason that OpenSSL has.
  Status Refused(std::string_view what) const {
    const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
    return Bad(std::string(what) + (reason == nullptr ? "" : std::string(": ") + reason));
  }
  // Never asks at a terminal.
  static int NoPassphrase(char*, int, int, void*) { return -1; }

 private:
  Status Unreadable(int error) const {
    return Bad("cannot be read: " + std::generic_category().message(error));
  }

  const std::string name_;
  const std::string path_;
  std::string text_;
  std::unique_ptr<BIO, Free> bio_;
};

Status UseCertificate(const std::string& path, SSL_CTX* context) {
  PemFile file("tls_certificate", path);
  NEARHIT_RETURN_IF_ERROR(file.Read());
  const Certificate own = file.Next();
  if (own == nullptr) {
    return PemFile::end() ? file.Bad("has no certificate in PEM")
                          : file.Refused("has a damaged certificate");
  }
  if (SSL_CTX_use_certificate(context, own.get()) != 1) {
    return file.Refused("is refused");
  }
  while (Certificate next = file.Next()) {
    if (SSL_CTX_add0_chain_cert(context, next.get()) != 1) {
      return file.Refused("has a chain that is refused");
    }
    std::ignore = next.release();  // the context has it
  }
  return PemFile::end() ? Status() : file.Refused("has a damaged chain");
}

Status UseKey(const std::string& path, SSL_CTX* context) {
  PemFile file("tls_key", path);
  NEARHIT_RETURN_IF_ERROR(file.Read());
  const PrivateKey key(
      PEM_read_bio_PrivateKey(file.bio(), nullptr, PemFile::NoPassphrase, nullptr));
  if (key == nullptr) {
    return file.Bad(file.encrypted() ? "is encrypted; a key without a passphrase is needed"
                                     : "has no private key in PEM");
  }
  if (X509_check_private_key(SSL_CTX_get0_certificate(context), key.get()) != 1) {
    return file.Bad("is not the key of the certificate in tls_certificate");
  }
  return SSL_CTX_use_PrivateKey(context, key.get()) == 1 ? Status() : file.Refused("is refused");
}

// From here on no client without a certificate is taken.
Status UseClientCa(const std::string& path, SSL_CTX* context) {
  PemFile file("tls_client_ca", path);
  NEARHIT_RETURN_IF_ERROR(file.Read());
  bool any = false;
  while (const Certificate one = file.Next()) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one.get()) != 1 ||
        SSL_CTX_add_client_CA(context, one.get()) != 1) {
      return file.Refused("has a certificate that is refused");
    }
    any = true;
  }
  if (!PemFile::end()) {
    return file.Refused("has a damaged certificate");
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return any ? Status() : file.Bad("has no certificate in PEM");
}

// Whoever offers protocols must offer this one.
int SelectProtocol(SSL*, const unsigned char** out, unsigned char* out_size,
                   const unsigned char* offered, unsigned int offered_size, void*) {
  static constexpr std::array<unsigned char, 9> kHttp11 = {8,   'h', 't', 't', 'p',
                                                           '/', '1', '.', '1'};
  unsigned char* selected = nullptr;
  if (SSL_select_next_proto(&selected, out_size, kHttp11.data(), kHttp11.size(), offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

// Ciphers, curves and key sizes are OpenSSL's own choice.
bool SetRules(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Buffers that are empty are given back, as idle connections are the most. A write may take a
  // part, and the rest of it move. A read ends after what is not data, so that nobody holds up the
  // thread with it.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
  // Clients keep their sessions, in tickets; the server has no table of them.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, SelectProtocol, nullptr);
  static constexpr std::array<unsigned char, 7> kSessions = {'n', 'e', 'a', 'r', 'h', 'i', 't'};
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_session_id_context(context, kSessions.data(), kSessions.size()) == 1;
}

std::int64_t ExpiresAt(const X509* certificate) {
  std::tm parts{};
  return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) == 1 ? ::timegm(&parts) : 0;
}

}  // namespace

void TlsContext::Deleter::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

Result<std::shared_ptr<const TlsContext>> TlsContext::Load(const TlsFiles& files) {
  const std::shared_ptr<TlsContext> made(new TlsContext());
  made->context_.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const context = made->context_.get();
  if (context == nullptr || !SetRules(context)) {
    return ResourceExhausted("OpenSSL cannot make a TLS server");
  }
  NEARHIT_RETURN_IF_ERROR(UseCertificate(files.certificate, context));
  NEARHIT_RETURN_IF_ERROR(UseKey(files.key, context));
  if (!files.client_ca.empty()) {
    NEARHIT_RETURN_IF_ERROR(UseClientCa(files.client_ca, context));
  }
  made->expires_at_ = ExpiresAt(SSL_CTX_get0_certificate(context));
  return std::shared_ptr<const TlsContext>(made);
}

std::unique_ptr<TlsStream> TlsContext::Accept(int socket) const {
  return TlsStream::Create(context_.get(), socket);
}

}  // namespace nearhit::server
