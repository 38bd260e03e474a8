// What a TLS server shows: its certificate and key, and of whom its clients need one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "nearhit/result.h"
#include "server/http/tls_stream.h"

struct ssl_ctx_st;

namespace nearhit::server {

// Files in PEM. Messages call them tls_certificate, tls_key and tls_client_ca.
struct TlsFiles {
  std::string certificate{};  // and after it those between it and a root
  std::string key{};          // without a passphrase
  std::string client_ca{};    // a client must have a certificate of one of these; empty: none need
};

// Thread-safety: immutable.
class TlsContext {
 public:
  // Errors: kInvalidArgument, naming the file and what is wrong with it; kResourceExhausted.
  static Result<std::shared_ptr<const TlsContext>> Load(const TlsFiles& files);
  ~TlsContext() = default;
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // The server's end of TLS on a connected socket, which outlives it. Null when memory is short.
  std::unique_ptr<TlsStream> Accept(int socket) const;
  // The last second in which the certificate is valid, since 1970.
  std::int64_t expires_at() const { return expires_at_; }

 private:
  struct Deleter {
    void operator()(ssl_ctx_st* context) const;
  };

  TlsContext() = default;

  std::unique_ptr<ssl_ctx_st, Deleter> context_;
  std::int64_t expires_at_ = 0;
};

}  // namespace nearhit::server
