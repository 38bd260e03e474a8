// A client's end of TLS without a socket: bytes in, bytes out, so that a test says how they travel.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tests/support/certificates.h"

struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;

namespace nearhit {

struct TlsClientOptions {
  std::string authority{};  // in PEM: whom it trusts
  CertifiedKey own{};       // empty: none
  int version = 0;          // as OpenSSL has it; 0: the best
  std::string protocols{};  // for ALPN, as on the wire; empty: none
};

// Thread-safety: externally synchronized.
class TlsClient {
 public:
  explicit TlsClient(const TlsClientOptions& options);
  ~TlsClient() = default;
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  // Bytes that the server is to get.
  std::string TakeOutput();
  // Bytes that came from it.
  void Feed(std::string_view bytes);
  // Goes on with the handshake. Whether it is over.
  bool Shake();
  void Write(std::string_view bytes);
  // Asks for another handshake (TLS 1.2), or for other keys (TLS 1.3).
  void Renegotiate();
  void UpdateKeys();
  // What the server said, as far as it is here.
  std::string Read();

  bool ended() const { return ended_; }                // regularly, by the server
  const std::string& error() const { return error_; }  // of OpenSSL; empty: none
  std::string peer_name() const;                       // of the server's certificate
  std::string version() const;
  std::string protocol() const;  // that ALPN has chosen
  bool resumed() const;
  // For a later connection to take up, at its begin.
  std::shared_ptr<ssl_session_st> session() const;
  void Resume(ssl_session_st* session);

 private:
  struct Deleter {
    void operator()(ssl_ctx_st* context) const;
    void operator()(ssl_st* ssl) const;
  };

  void Note(int result);

  std::unique_ptr<ssl_ctx_st, Deleter> context_;
  std::unique_ptr<ssl_st, Deleter> ssl_;
  bool ended_ = false;
  std::string error_;
};

}  // namespace nearhit
