// TLS on a socket that does not block: the server's end of one connection.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

struct ssl_ctx_st;
struct ssl_st;

namespace nearhit::server {

// The handshake is part of the first reads. A read takes whole records from the socket: nothing
// that has come waits in here, where no event of the socket would tell of it.
//
// Thread-safety: externally synchronized.
class TlsStream {
 public:
  // Of data; what a read's buffer must hold at least.
  static constexpr std::size_t kMaxRecordBytes = std::size_t{16} << 10;

  // The socket outlives the stream. Null when memory is short.
  static std::unique_ptr<TlsStream> Create(ssl_ctx_st* context, int socket);
  ~TlsStream() = default;
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // Whether the handshake is over.
  bool ready() const;
  // Whether the last Read() or Finish() goes on only when the socket takes bytes.
  bool wants_write() const { return wants_write_; }

  // Bytes that were read: 0 when there are none now, none when the connection is over.
  std::optional<std::size_t> Read(std::span<char> buffer);
  // Bytes that were taken: 0 when the socket takes none now, and then the next call begins with the
  // same bytes; none when the connection is over.
  std::optional<std::size_t> Write(std::string_view bytes);
  // Tells the client that nothing else comes. False: to be called again.
  bool Finish();

 private:
  struct Deleter {
    void operator()(ssl_st* ssl) const;
  };

  TlsStream(ssl_st* ssl, int socket) : ssl_(ssl), socket_(socket) {}
  std::optional<std::size_t> Fail();

  const std::unique_ptr<ssl_st, Deleter> ssl_;
  int socket_;
  bool wants_write_ = false;
  bool failed_ = false;
};

}  // namespace nearhit::server
