#include "engine/embedding/http_client.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include <curl/curl.h>

#include "base/check.h"

namespace nearhit {
namespace {

constexpr std::size_t kMaxIdleHandles = 32;

struct Sink {
  std::string* body = nullptr;
  std::size_t limit = 0;
  bool over = false;
};

std::size_t Receive(char* bytes, std::size_t one, std::size_t count, void* user) {
  auto* sink = static_cast<Sink*>(user);
  if (one * count > sink->limit - sink->body->size()) {
    sink->over = true;
    return 0;  // makes curl stop with CURLE_WRITE_ERROR
  }
  sink->body->append(bytes, one * count);
  return one * count;
}

// Not 0 ends the exchange. Curl asks at least once a second.
int AskStop(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(user)->load(std::memory_order_relaxed) ? 1 : 0;
}

void InitCurlOnce() {
  static std::once_flag once;
  std::call_once(once, [] { NEARHIT_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
}

HttpOutcome OutcomeOf(CURLcode code, const Sink& sink) {
  switch (code) {
    case CURLE_OK:
      return HttpOutcome::kAnswered;
    case CURLE_OPERATION_TIMEDOUT:
      return HttpOutcome::kTimeout;
    case CURLE_WRITE_ERROR:
      return sink.over ? HttpOutcome::kTooLarge : HttpOutcome::kConnection;
    case CURLE_ABORTED_BY_CALLBACK:
      return HttpOutcome::kStopped;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return HttpOutcome::kConnection;
    default:
      return HttpOutcome::kRefused;
  }
}

// Milliseconds left, rounded up so that curl never gives up early; at least 1, as 0 means for ever.
long MillisLeft(std::chrono::steady_clock::time_point deadline) {
  constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24);
  const auto left = deadline - std::chrono::steady_clock::now();
  if (left >= kLongest) {
    return static_cast<long>(kLongest.count());
  }
  return std::max(1L,
                  static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(left).count()));
}

}  // namespace

void HttpClient::HandleDeleter::operator()(void* handle) const {
  curl_easy_cleanup(handle);
}
void HttpClient::HeadersDeleter::operator()(void* headers) const {
  curl_slist_free_all(static_cast<curl_slist*>(headers));
}

HttpClient::HttpClient(std::string url, std::string_view key) : url_(std::move(url)) {
  InitCurlOnce();
  // "Expect:" without a value keeps curl from asking before it sends a large body.
  std::vector<std::string> lines = {"Content-Type: application/json", "Accept: application/json",
                                    "Expect:"};
  if (!key.empty()) {
    lines.push_back("Authorization: Bearer " + std::string(key));
  }
  curl_slist* headers = nullptr;
  for (const std::string& line : lines) {
    curl_slist* longer = curl_slist_append(headers, line.c_str());
    NEARHIT_CHECK(longer != nullptr);  // out of memory
    headers = longer;
  }
  headers_.reset(headers);
}

HttpClient::~HttpClient() = default;

HttpClient::Handle HttpClient::Take() const {
  {
    MutexLock lock(&mu_);
    if (!idle_.empty()) {
      Handle handle = std::move(idle_.back());
      idle_.pop_back();
      return handle;
    }
  }
  Handle handle(curl_easy_init());
  NEARHIT_CHECK(handle != nullptr);  // out of memory
  CURL* curl = handle.get();
  curl_easy_setopt(curl, CURLOPT_URL, url_.c_str());
  curl_easy_setopt(curl, CURLOPT_POST, 1L);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, static_cast<curl_slist*>(headers_.get()));
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Receive);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &AskStop);
  return handle;
}

void HttpClient::PutBack(Handle handle) const {
  MutexLock lock(&mu_);
  if (idle_.size() < kMaxIdleHandles) {
    idle_.push_back(std::move(handle));
  }
}

HttpResponse HttpClient::Post(std::string_view body, std::size_t max_answer_bytes,
                              std::chrono::steady_clock::time_point deadline,
                              const std::atomic<bool>& stop) const {
  HttpResponse response;
  if (std::chrono::steady_clock::now() >= deadline) {
    response.outcome = HttpOutcome::kTimeout;
    return response;
  }
  Handle handle = Take();
  CURL* curl = handle.get();
  Sink sink{.body = &response.body, .limit = max_answer_bytes};
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &sink);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, const_cast<std::atomic<bool>*>(&stop));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, MillisLeft(deadline));

  const CURLcode code = curl_easy_perform(curl);
  response.outcome = OutcomeOf(code, sink);
  if (response.outcome == HttpOutcome::kAnswered) {
    curl_off_t retry_after = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &response.status);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
    response.retry_after = std::chrono::seconds(std::clamp<curl_off_t>(retry_after, 0, 86'400));
  } else {
    response.body.clear();
    response.reason = curl_easy_strerror(code);
  }
  PutBack(std::move(handle));
  return response;
}

}  // namespace nearhit
