#include "server/http/tls_stream.h"

#include <cerrno>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "base/check.h"

namespace nearhit::server {
namespace {

constexpr std::string_view kAnswerToPlainHttp =
    "HTTP/1.1 400 Bad Request\r\n"
    "content-type: text/plain; charset=utf-8\r\n"
    "content-length: 34\r\n"
    "connection: close\r\n"
    "\r\n"
    "this port speaks TLS: use https://";

int SocketOf(BIO* bio) {
  return *static_cast<const int*>(BIO_get_data(bio));
}

int Receive(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t got = ::recv(SocketOf(bio), data, static_cast<std::size_t>(size), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    BIO_set_retry_read(bio);
  }
  return static_cast<int>(got);
}

// Unlike OpenSSL's own, it raises no SIGPIPE when the client has gone.
int Send(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent =
      ::send(SocketOf(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
    BIO_set_retry_write(bio);
  }
  return static_cast<int>(sent);
}

long Control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

struct MethodDeleter {
  void operator()(BIO_METHOD* method) const { BIO_meth_free(method); }
};

const BIO_METHOD* SocketMethod() {
  static const std::unique_ptr<BIO_METHOD, MethodDeleter> method = [] {
    std::unique_ptr<BIO_METHOD, MethodDeleter> made(
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without signals"));
    if (made != nullptr) {
      BIO_meth_set_read(made.get(), Receive);
      BIO_meth_set_write(made.get(), Send);
      BIO_meth_set_ctrl(made.get(), Control);
    }
    return made;
  }();
  return method.get();
}

}  // namespace

void TlsStream::Deleter::operator()(ssl_st* ssl) const {
  SSL_free(ssl);
}

std::unique_ptr<TlsStream> TlsStream::Create(ssl_ctx_st* context, int socket) {
  const BIO_METHOD* const method = SocketMethod();
  SSL* const ssl = SSL_new(context);
  if (ssl == nullptr || method == nullptr) {
    SSL_free(ssl);
    return nullptr;
  }
  std::unique_ptr<TlsStream> stream(new TlsStream(ssl, socket));
  BIO* const bio = BIO_new(method);
  if (bio == nullptr) {
    return nullptr;
  }
  BIO_set_data(bio, &stream->socket_);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  SSL_set_accept_state(ssl);
  return stream;
}

bool TlsStream::ready() const {
  return SSL_is_init_finished(ssl_.get()) == 1;
}

std::optional<std::size_t> TlsStream::Read(std::span<char> buffer) {
  NEARHIT_CHECK(buffer.size() >= kMaxRecordBytes);
  std::size_t done = 0;
  wants_write_ = false;
  while (buffer.size() - done >= kMaxRecordBytes) {
    const std::span<char> rest = buffer.subspan(done);
    std::size_t got = 0;
    ERR_clear_error();
    if (SSL_read_ex(ssl_.get(), rest.data(), rest.size(), &got) != 1) {
      const int error = SSL_get_error(ssl_.get(), 0);
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
        return Fail();
      }
      wants_write_ = error == SSL_ERROR_WANT_WRITE;
      break;
    }
    done += got;
    if (got < kMaxRecordBytes) {
      break;  // probably the last that is here; another one makes an event
    }
  }
  return done;
}

// There is no renegotiation, and requests come before answers: no write waits for a read.
std::optional<std::size_t> TlsStream::Write(std::string_view bytes) {
  std::size_t sent = 0;
  ERR_clear_error();
  if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent) == 1) {
    return sent;
  }
  return SSL_get_error(ssl_.get(), 0) == SSL_ERROR_WANT_WRITE ? std::optional<std::size_t>(0)
                                                              : Fail();
}

bool TlsStream::Finish() {
  if (failed_ || !ready()) {
    return true;
  }
  ERR_clear_error();
  const int result = SSL_shutdown(ssl_.get());
  wants_write_ = result < 0 && SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_WRITE;
  return !wants_write_;
}

std::optional<std::size_t> TlsStream::Fail() {
  failed_ = true;
  wants_write_ = false;
  if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST) {
    ::send(socket_, kAnswerToPlainHttp.data(), kAnswerToPlainHttp.size(),
           MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  ERR_clear_error();
  return std::nullopt;
}

}  // namespace nearhit::server
