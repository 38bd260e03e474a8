// One client connection of the HTTP server: requests in, one at a time, answers out.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/event_loop.h"
#include "server/http/request.h"
#include "server/http/responder.h"
#include "server/http/transport.h"

namespace nearhit::server {

struct ConnectionLimits {
  RequestLimits request{};
  std::chrono::milliseconds request_timeout{
      30'000};  // from the first byte of a request to its last; of a handshake
  std::chrono::milliseconds idle_timeout{120'000};  // between requests
  std::chrono::milliseconds write_timeout{60'000};  // without a byte that the client takes
};

// What connections of one loop share. Outlives them.
class ConnectionHost {
 public:
  virtual ~ConnectionHost() = default;
  ConnectionHost(const ConnectionHost&) = delete;
  ConnectionHost& operator=(const ConnectionHost&) = delete;

  virtual const std::shared_ptr<EventLoop>& loop() = 0;
  virtual HttpHandler& handler() = 0;
  virtual const ConnectionLimits& limits() const = 0;
  // For the Date header (RFC 9110, section 5.6.7).
  virtual std::string_view date() const = 0;
  virtual bool draining() const = 0;
  // Scratch for one read, of at least TlsStream::kMaxRecordBytes.
  virtual std::string& buffer() = 0;
  // The connection is over: it is destroyed when the loop comes round.
  virtual void Closed(class HttpConnection* connection) = 0;

 protected:
  ConnectionHost() = default;
};

// Thread-safety: the loop's thread.
class HttpConnection final : public SocketHandler {
 public:
  // `tls`: null for none.
  HttpConnection(Descriptor socket, std::unique_ptr<TlsStream> tls, ConnectionHost* host);
  ~HttpConnection() override;
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // Errors: those of EventLoop::Watch; the connection is to be destroyed.
  Status Start();
  void OnEvents(std::uint32_t events) override;
  // Closes a connection that waits for a request; a running answer or request ends first.
  void Drain();
  void Close();
  // Cuts off a client that is too slow, or idle for too long.
  void CheckTime(EventLoop::TimePoint now);

 private:
  class Responder;

  bool busy() const { return responder_ != nullptr; }
  std::size_t unsent() const { return out_.size() - out_begin_; }
  bool reads_requests() const;
  void Read();
  void Consume(std::string_view bytes);
  // With what is unread, once it may.
  void Continue();
  void StartAnswer(HttpServerRequest request);
  void Refuse(const RequestRefusal& refusal);
  // `length` of the body, unless it comes in pieces.
  void AppendHead(int status, const std::vector<HttpHeader>& headers,
                  std::optional<std::size_t> length, bool chunked);
  void Flush();
  void FinishAnswer();
  void CloseGently();
  void UpdateWatch();

  Transport transport_;
  ConnectionHost* const host_;
  RequestReader reader_;
  std::string unread_;              // bytes of later requests, for when reads_requests()
  std::string out_;                 // bytes that the client has not taken,
  std::size_t out_begin_ = 0;       // from here on
  Responder* responder_ = nullptr;  // of the request at hand; its maker owns it
  std::uint32_t watched_ = 0;       // events
  bool consuming_ = false;          // Consume() is under way, further up
  bool close_after_ = false;        // once the answer is sent
  bool says_keep_alive_ = false;    // the client is one that wants to hear it
  bool lingering_ = false;          // everything is sent; what still comes is dropped
  bool closed_ = false;
  EventLoop::TimePoint since_;  // when what CheckTime() limits has begun
};

}  // namespace nearhit::server
