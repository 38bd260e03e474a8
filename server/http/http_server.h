// An HTTP/1.1 server: one event loop a thread, all on one listening socket.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/descriptor.h"
#include "nearhit/result.h"
#include "net/event_loop.h"
#include "server/http/connection.h"
#include "server/http/responder.h"
#include "server/http/tls_source.h"

namespace nearhit::server {

struct HttpServerOptions {
  std::string listen = "127.0.0.1:7780";  // host:port or [v6]:port; port 0: any free one
  std::size_t threads = 1;
  std::size_t max_connections = 10'000;  // on all threads; others are closed at once
  ConnectionLimits limits{};
  std::shared_ptr<const TlsSource> tls{};  // null: plain HTTP
  // Counts open connections, for whoever shows them.
  std::shared_ptr<std::atomic<std::size_t>> connections =
      std::make_shared<std::atomic<std::size_t>>(0);
};

// Thread-safety: thread-safe, but Shutdown() by one thread at a time.
class HttpServer {
 public:
  // Makes the handler of a loop, on its thread.
  using MakeHandler =
      std::function<std::unique_ptr<HttpHandler>(const std::shared_ptr<EventLoop>& loop)>;

  // Listens from the return on. Errors: kInvalidArgument for an address that is none; kUnavailable
  // when it cannot be listened on.
  static Result<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options,
                                                   const MakeHandler& make_handler);
  // Shutdown with a grace of 0.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const { return port_; }
  std::size_t connections() const { return connections_->load(std::memory_order_relaxed); }

  // Takes no new connection, lets running answers end, for at most `grace`, and destroys the
  // handlers. Later calls do nothing.
  void Shutdown(std::chrono::milliseconds grace);

 private:
  class Loop;

  explicit HttpServer(std::shared_ptr<std::atomic<std::size_t>> connections);

  std::uint16_t port_ = 0;
  const std::shared_ptr<std::atomic<std::size_t>> connections_;
  std::vector<std::unique_ptr<Loop>> loops_;
};

}  // namespace nearhit::server
