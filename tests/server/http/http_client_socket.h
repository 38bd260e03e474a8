// A client's end of a connection, as bytes: a test says what goes over the wire, and when.
#pragma once

#include <arpa/inet.h>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <utility>

#include "base/check.h"
#include "base/descriptor.h"
#include "tests/support/tls_client.h"

namespace nearhit::server {

// Thread-safety: externally synchronized.
class HttpClientSocket {
 public:
  // `receive_bytes`: the size of the buffer of the system, with segments that keep the server's
  // small too; 0: as it likes. `tls`: null for none.
  // Over TLS the handshake is tried at once.
  explicit HttpClientSocket(std::uint16_t port, int receive_bytes = 0,
                            std::unique_ptr<TlsClient> tls = nullptr)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), tls_(std::move(tls)) {
    NEARHIT_CHECK(fd() >= 0);
    const timeval patience{.tv_sec = 60, .tv_usec = 0};
    ::setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    const int on = 1;
    ::setsockopt(fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (receive_bytes > 0) {
      ::setsockopt(fd(), SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
      const int segment_bytes = 536;
      ::setsockopt(fd(), IPPROTO_TCP, TCP_MAXSEG, &segment_bytes, sizeof(segment_bytes));
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    NEARHIT_CHECK(::connect(fd(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    if (tls_ != nullptr) {
      Shake();
    }
  }

  // Null without TLS.
  TlsClient* tls() const { return tls_.get(); }

  // Whether all of it went out.
  bool Send(std::string_view bytes) const {
    if (tls_ == nullptr) {
      return SendRaw(bytes);
    }
    tls_->Write(bytes);
    return SendRaw(tls_->TakeOutput()) && tls_->error().empty();
  }
  // Past TLS.
  bool SendRaw(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // Up to and with `end`; what came until then when the connection ends before.
  std::string ReadUntil(std::string_view end) {
    std::size_t at = 0;
    while ((at = early_.find(end)) == std::string::npos && More()) {
    }
    const std::size_t size = at == std::string::npos ? early_.size() : at + end.size();
    std::string read = early_.substr(0, size);
    early_.erase(0, size);
    return read;
  }
  std::string Read(std::size_t size) {
    while (early_.size() < size && More()) {
    }
    std::string read = early_.substr(0, size);
    early_.erase(0, size);
    return read;
  }
  // Until the server closes; then the client does.
  std::string ReadAll() {
    while (More()) {
    }
    ::shutdown(fd(), SHUT_RDWR);
    return std::exchange(early_, std::string());
  }
  // What comes next, past TLS; empty when the server has closed.
  std::string ReceiveRaw() const {
    std::string bytes(std::size_t{64} << 10, '\0');
    const ssize_t got = ::recv(fd(), bytes.data(), bytes.size(), 0);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }

 private:
  int fd() const { return socket_.get(); }
  bool More() {
    const std::string bytes = ReceiveRaw();
    if (tls_ == nullptr) {
      early_ += bytes;
      return !bytes.empty();
    }
    tls_->Feed(bytes);
    early_ += tls_->Read();
    return !bytes.empty() && !tls_->ended() && tls_->error().empty();
  }
  void Shake() {
    bool done = tls_->Shake();
    std::string bytes;
    while (SendRaw(tls_->TakeOutput()) && !done && tls_->error().empty() &&
           !(bytes = ReceiveRaw()).empty()) {
      tls_->Feed(bytes);
      done = tls_->Shake();
    }
  }

  Descriptor socket_;
  std::unique_ptr<TlsClient> tls_;
  std::string early_;  // read, but not asked for yet
};

}  // namespace nearhit::server
