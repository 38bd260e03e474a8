// The bytes of a connection: on its socket as they are, or in TLS.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/descriptor.h"
#include "server/http/tls_stream.h"

namespace nearhit::server {

// Thread-safety: externally synchronized.
class Transport {
 public:
  // `tls`: null for none. Takes a socket that does not block.
  Transport(Descriptor socket, std::unique_ptr<TlsStream> tls)
      : socket_(std::move(socket)), tls_(std::move(tls)) {}
  ~Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  int socket() const { return socket_.get(); }
  // Whether both sides have agreed on how they talk.
  bool ready() const { return tls_ == nullptr || tls_->ready(); }
  // Whether Read() or Finish() is to be called again when the socket takes bytes.
  bool wants_write() const { return tls_ != nullptr && tls_->wants_write(); }

  // Bytes that were read: 0 when there are none now, none when the connection is over.
  // Requires: a buffer of TlsStream::kMaxRecordBytes.
  std::optional<std::size_t> Read(std::span<char> buffer);
  // Reads what nobody wants to know any more. The result is that of Read().
  std::optional<std::size_t> Discard(std::span<char> buffer);
  // Bytes that were taken: 0 when the socket takes none now, and then the next call begins with the
  // same bytes; none when the connection is over.
  std::optional<std::size_t> Write(std::string_view bytes);
  // Tells the client that nothing else comes; what it sends can still be read.
  void Finish();
  // Ends both directions. Without Finish() before, a client over TLS can tell that it was cut off.
  void Close();

 private:
  const Descriptor socket_;
  const std::unique_ptr<TlsStream> tls_;
  bool finished_ = false;
};

}  // namespace nearhit::server
