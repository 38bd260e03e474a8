#include "server/http/transport.h"

#include <cerrno>
#include <sys/socket.h>

namespace nearhit::server {

std::optional<std::size_t> Transport::Read(std::span<char> buffer) {
  return tls_ == nullptr ? Discard(buffer) : tls_->Read(buffer);
}

std::optional<std::size_t> Transport::Discard(std::span<char> buffer) {
  const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (got > 0) {
    return static_cast<std::size_t>(got);
  }
  return got < 0 && (errno == EAGAIN || errno == EINTR) ? std::optional<std::size_t>(0)
                                                        : std::nullopt;
}

std::optional<std::size_t> Transport::Write(std::string_view bytes) {
  if (tls_ != nullptr) {
    return tls_->Write(bytes);
  }
  ssize_t sent = 0;
  do {
    sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) {
    return static_cast<std::size_t>(sent);
  }
  return errno == EAGAIN ? std::optional<std::size_t>(0) : std::nullopt;
}

void Transport::Finish() {
  if (!finished_ && (tls_ == nullptr || tls_->Finish())) {
    finished_ = true;
    ::shutdown(socket_.get(), SHUT_WR);
  }
}

void Transport::Close() {
  ::shutdown(socket_.get(), SHUT_RDWR);
}

}  // namespace nearhit::server
