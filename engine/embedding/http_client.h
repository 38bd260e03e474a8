// POSTs JSON to one address, over connections that are kept. The one place that includes curl.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/thread_annotations.h"

namespace nearhit {

// How an exchange ended.
enum class HttpOutcome : std::uint8_t {
  kAnswered,    // a whole answer, whatever its status
  kTimeout,     // the deadline passed
  kConnection,  // not reached, or cut off; the same request may work later
  kTooLarge,    // the answer went over its limit
  kStopped,     // the caller has stopped it
  kRefused,     // anything else: a certificate that does not verify, an address curl cannot use
};

struct HttpResponse {
  HttpOutcome outcome = HttpOutcome::kRefused;
  long status = 0;                      // kAnswered only
  std::chrono::seconds retry_after{0};  // 0 when the server did not say
  std::string body;                     // kAnswered only
  std::string reason;                   // otherwise: curl's words for the error, no text of ours
};

// Redirects are not followed (a key must not travel to another host) and certificates are verified.
//
// Thread-safety: thread-safe; each exchange has a handle, and so a connection, of its own.
class HttpClient {
 public:
  // `key` goes out as a bearer token unless it is empty. Requires: no control characters in it.
  HttpClient(std::string url, std::string_view key);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Sends `body` as application/json and waits for the answer, at most until `deadline`.
  // An answer of more than `max_answer_bytes` is cut off. Ends within a second or so once `stop` is
  // set.
  HttpResponse Post(std::string_view body, std::size_t max_answer_bytes,
                    std::chrono::steady_clock::time_point deadline,
                    const std::atomic<bool>& stop) const;

 private:
  struct HandleDeleter {
    void operator()(void* handle) const;
  };
  struct HeadersDeleter {
    void operator()(void* headers) const;
  };
  using Handle = std::unique_ptr<void, HandleDeleter>;  // CURL

  Handle Take() const NEARHIT_EXCLUDES(mu_);
  void PutBack(Handle handle) const NEARHIT_EXCLUDES(mu_);

  const std::string url_;
  std::unique_ptr<void, HeadersDeleter> headers_;  // curl_slist; constant after construction

  mutable Mutex mu_;
  mutable std::vector<Handle> idle_ NEARHIT_GUARDED_BY(mu_);  // last used at the back
};

}  // namespace nearhit
