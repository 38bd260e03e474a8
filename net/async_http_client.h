// HTTP exchanges as a client on an event loop: many at a time, streamed, with backpressure.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/event_loop.h"
#include "net/http_client.h"

namespace nearhit {

struct AsyncHttpRequest {
  std::string method = "POST";
  std::string url{};  // http or https
  std::vector<HttpHeader> headers{};
  std::shared_ptr<const std::string> body{};  // null: none
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds first_byte_timeout{600'000};  // from the start to the first byte
  // The longest time without a byte of the answer, once it has begun; not while it is paused.
  std::chrono::milliseconds idle_timeout{120'000};
};

// Gets an answer while it arrives, on the loop's thread. Nothing is called within Start(), and
// nothing after OnEnd() or Cancel().
class AsyncHttpReceiver {
 public:
  virtual ~AsyncHttpReceiver() = default;
  AsyncHttpReceiver(const AsyncHttpReceiver&) = delete;
  AsyncHttpReceiver& operator=(const AsyncHttpReceiver&) = delete;

  // Once, when the head is whole. Informational heads (1xx) and trailers are left out.
  virtual void OnHead(HttpHead head) = 0;
  // A part of the body, as soon as it is here. False pauses the answer: the same bytes come again
  // after Resume(), and the server waits meanwhile.
  virtual bool OnBody(std::string_view bytes) = 0;
  // Once, last.
  virtual void OnEnd(HttpEnd end) = 0;

 protected:
  AsyncHttpReceiver() = default;
};

// Redirects are not followed, certificates are verified, bodies are not decompressed. Connections
// are kept and used again. HTTP/1.1.
//
// Thread-safety: the loop's thread, or before it runs. The loop must outlive the client. The
// destructor drops what is under way, without a call.
class AsyncHttpClient {
 public:
  class Exchange;

  // At most `max_connections` to one host and port; further exchanges wait for one.
  AsyncHttpClient(EventLoop* loop, std::size_t max_connections);
  ~AsyncHttpClient();
  AsyncHttpClient(const AsyncHttpClient&) = delete;
  AsyncHttpClient& operator=(const AsyncHttpClient&) = delete;

  // `receiver` must live until its OnEnd() or Cancel(); so long is the exchange valid.
  Exchange* Start(AsyncHttpRequest request, AsyncHttpReceiver* receiver);
  // After OnBody() returned false.
  void Resume(Exchange* exchange);
  // Ends it and its connection. Within its OnEnd() it does nothing.
  void Cancel(Exchange* exchange);

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace nearhit
