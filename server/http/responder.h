// The answer to one HTTP request, as whoever makes it sees it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/event_loop.h"
#include "server/http/request.h"

namespace nearhit::server {

// Send(), or Begin(), any number of Write() and End(). What is written after the client has gone,
// or after the end, goes nowhere. A responder that is dropped before the end cuts the connection
// off.
//
// Thread-safety: the thread of loop().
class HttpResponder {
 public:
  virtual ~HttpResponder() = default;
  HttpResponder(const HttpResponder&) = delete;
  HttpResponder& operator=(const HttpResponder&) = delete;

  // Whoever posts from other threads holds the loop, which may end before the answer is made.
  virtual const std::shared_ptr<EventLoop>& loop() = 0;
  // Whether the client has closed its connection, or was cut off.
  virtual bool gone() const = 0;

  // A whole answer. Content-Length, Date and Connection are added; others come from `headers`.
  virtual void Send(int status, std::vector<HttpHeader> headers, std::string body) = 0;

  // An answer in pieces: chunked, or until the connection closes under HTTP/1.0. The head leaves
  // with the first piece, or with Flush().
  virtual void Begin(int status, std::vector<HttpHeader> headers) = 0;
  virtual void Write(std::string_view bytes) = 0;
  virtual void Flush() = 0;
  // The regular end, after `last`.
  virtual void End(std::string_view last) = 0;
  // Cuts the connection so that the client notices: without the last chunk.
  virtual void Abort() = 0;

  // Bytes that the client has not taken. Whoever streams stops at a limit, and continues when
  // `drained` is called: once, when all of them are taken. It may be called from within Write().
  virtual std::size_t unsent() const = 0;
  virtual void SetDrained(std::function<void()> drained) = 0;
  // Called once when the client goes before the end of the answer; not after the end, nor for
  // Abort(). It may be called from within Write() and Flush().
  virtual void SetGone(std::function<void()> gone) = 0;

 protected:
  HttpResponder() = default;
};

// Answers the requests of one loop.
//
// Thread-safety: made, called and destroyed on the loop's thread.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  HttpHandler(const HttpHandler&) = delete;
  HttpHandler& operator=(const HttpHandler&) = delete;

  // May answer at once or later.
  virtual void OnRequest(HttpServerRequest request, std::shared_ptr<HttpResponder> responder) = 0;
  // About once a second.
  virtual void OnTick() {}

 protected:
  HttpHandler() = default;
};

}  // namespace nearhit::server
