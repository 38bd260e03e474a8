// HTTP exchanges as a client, over connections that are kept. The one place that includes curl.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/thread_annotations.h"

namespace nearhit {

struct HttpHeader {
  std::string name{};
  std::string value{};
};

// Views must outlive the exchange.
struct HttpRequest {
  std::string_view method = "POST";
  std::string_view url{};  // http or https
  // Beside those that curl adds (Host, Content-Length and the like).
  std::span<const HttpHeader> headers{};
  std::string_view body{};
  // Of the whole exchange.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  // The longest time without a byte of the answer, to a second or so. 0: no limit.
  std::chrono::milliseconds idle_timeout{0};
};

struct HttpHead {
  long status = 0;
  std::vector<HttpHeader> headers{};    // as the server sent them, in order; names in lower case
  std::chrono::seconds retry_after{0};  // 0 when the server did not say
};

// How an exchange ended.
enum class HttpOutcome : std::uint8_t {
  kAnswered,    // a whole answer, whatever its status
  kTimeout,     // the deadline passed, or the server was silent for too long
  kConnection,  // not reached, or cut off; the same request may work later
  kTooLarge,    // the answer went over a limit
  kStopped,     // the caller or the receiver has stopped it
  kRefused,  // anything else: a certificate that does not verify, a method, header or url that is
             // none
};

struct HttpEnd {
  HttpOutcome outcome = HttpOutcome::kRefused;
  std::string reason{};  // unless kAnswered: words for the error, no text of the request or answer
};

// Gets an answer while it arrives, on the thread of the exchange. Returning false ends the exchange
// with kStopped.
class HttpReceiver {
 public:
  virtual ~HttpReceiver() = default;
  HttpReceiver(const HttpReceiver&) = delete;
  HttpReceiver& operator=(const HttpReceiver&) = delete;

  // Once, before the body. Informational heads (1xx) and trailers are left out.
  virtual bool OnHead(HttpHead head) = 0;
  // A part of the body, as soon as it is here. Never empty.
  virtual bool OnBody(std::string_view bytes) = 0;

 protected:
  HttpReceiver() = default;
};

// A whole answer in memory.
struct HttpResponse {
  HttpEnd end{};
  HttpHead head{};  // kAnswered only, as the body
  std::string body{};
};

// Redirects are not followed (a key must not travel to another host), certificates are verified,
// bodies are not decompressed.
//
// Thread-safety: thread-safe; each exchange has a handle, and so a connection, of its own.
class HttpClient {
 public:
  // A larger head of an answer is kTooLarge.
  static constexpr std::size_t kMaxHeadBytes = std::size_t{64} << 10;

  HttpClient();
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Sends the request and hands the answer to `receiver`. Ends within a second or so once `stop` is
  // set.
  HttpEnd Exchange(const HttpRequest& request, HttpReceiver* receiver,
                   const std::atomic<bool>& stop) const;

  // Exchange, with an answer of at most `max_body_bytes`: a larger one is kTooLarge.
  HttpResponse Fetch(const HttpRequest& request, std::size_t max_body_bytes,
                     const std::atomic<bool>& stop) const;

 private:
  struct HandleDeleter {
    void operator()(void* handle) const;
  };
  using Handle = std::unique_ptr<void, HandleDeleter>;  // CURL

  Handle Take() const NEARHIT_EXCLUDES(mu_);
  void PutBack(Handle handle) const NEARHIT_EXCLUDES(mu_);

  mutable Mutex mu_;
  mutable std::vector<Handle> idle_ NEARHIT_GUARDED_BY(mu_);  // last used at the back
};

}  // namespace nearhit
