#include "net/http_client.h"

#include <algorithm>
#include <cctype>
#include <mutex>
#include <optional>
#include <utility>

#include <curl/curl.h>

#include "base/check.h"

namespace nearhit {
namespace {

using TimePoint = std::chrono::steady_clock::time_point;

constexpr std::size_t kMaxIdleHandles = 32;

struct HeaderListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, HeaderListDeleter>;

void InitCurlOnce() {
  static std::once_flag once;
  std::call_once(once, [] { NEARHIT_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
}

bool HasControls(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7F;
  });
}

// A method or the name of a header.
bool IsName(std::string_view text) {
  return !text.empty() && !HasControls(text) &&
         text.find_first_of(": \t;") == std::string_view::npos;
}

bool IsHeader(const HttpHeader& header) {
  return IsName(header.name) && !HasControls(header.value);
}

void Append(const std::string& line, HeaderList* list) {
  curl_slist* longer = curl_slist_append(list->get(), line.c_str());
  NEARHIT_CHECK(longer != nullptr);  // out of memory
  static_cast<void>(list->release());
  list->reset(longer);
}

HeaderList MakeHeaderList(std::span<const HttpHeader> headers) {
  HeaderList list;
  Append("Expect:", &list);  // without a value curl does not ask before it sends a large body
  for (const HttpHeader& header : headers) {
    Append(header.value.empty() ? header.name + ";" : header.name + ": " + header.value, &list);
  }
  return list;
}

// What becomes of one answer.
class Answer {
 public:
  Answer(CURL* curl, HttpReceiver* receiver, const std::atomic<bool>& stop,
         std::chrono::milliseconds idle_timeout)
      : curl_(curl), receiver_(receiver), stop_(stop), idle_timeout_(idle_timeout) {}

  // A line of a head, with its line end.
  bool OnHeaderLine(std::string_view line) {
    last_byte_ = std::chrono::steady_clock::now();
    if (given_) {
      return true;  // a trailer
    }
    if (line.starts_with("HTTP/")) {
      head_.headers.clear();  // those before belong to an informational head
    }
    head_bytes_ += line.size();
    if (head_bytes_ > HttpClient::kMaxHeadBytes) {
      early_ = HttpOutcome::kTooLarge;
      return false;
    }
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
      std::string name(line.substr(0, colon));
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      const std::string_view value = line.substr(colon + 1);
      const std::size_t first = std::min(value.find_first_not_of(" \t"), value.size());
      const std::size_t last = value.find_last_not_of(" \t\r\n");
      head_.headers.push_back({.name = std::move(name),
                               .value = last == std::string_view::npos || last < first
                                            ? std::string()
                                            : std::string(value.substr(first, last + 1 - first))});
    }
    return true;
  }

  bool OnBody(std::string_view bytes) {
    last_byte_ = std::chrono::steady_clock::now();
    if (!GiveHead() || (!bytes.empty() && !receiver_->OnBody(bytes))) {
      early_ = HttpOutcome::kStopped;
      return false;
    }
    return true;
  }

  // Curl asks at least once a second. False ends the exchange.
  bool GoesOn() {
    if (stop_.load(std::memory_order_relaxed)) {
      early_ = HttpOutcome::kStopped;
    } else if (idle_timeout_.count() > 0 &&
               std::chrono::steady_clock::now() - last_byte_ > idle_timeout_) {
      early_ = HttpOutcome::kTimeout;
    }
    return !early_;
  }

  HttpOutcome End(CURLcode code) {
    if (code == CURLE_OK) {
      return GiveHead() ? HttpOutcome::kAnswered : HttpOutcome::kStopped;
    }
    if (early_) {
      return *early_;
    }
    switch (code) {
      case CURLE_OPERATION_TIMEDOUT:
        return HttpOutcome::kTimeout;
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

 private:
  bool GiveHead() {
    if (given_) {
      return true;
    }
    given_ = true;
    curl_off_t retry_after = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &head_.status);
    curl_easy_getinfo(curl_, CURLINFO_RETRY_AFTER, &retry_after);
    head_.retry_after = std::chrono::seconds(std::clamp<curl_off_t>(retry_after, 0, 86'400));
    return receiver_->OnHead(std::move(head_));
  }

  CURL* const curl_;
  HttpReceiver* const receiver_;
  const std::atomic<bool>& stop_;
  const std::chrono::milliseconds idle_timeout_;
  TimePoint last_byte_ = std::chrono::steady_clock::now();
  HttpHead head_;
  std::size_t head_bytes_ = 0;
  bool given_ = false;
  std::optional<HttpOutcome> early_;  // why a callback ended the exchange
};

// What curl calls. Another number than that of the bytes makes it stop with CURLE_WRITE_ERROR.
std::size_t ReceiveHeader(char* bytes, std::size_t one, std::size_t count, void* answer) {
  return static_cast<Answer*>(answer)->OnHeaderLine({bytes, one * count}) ? one * count : 0;
}
std::size_t ReceiveBody(char* bytes, std::size_t one, std::size_t count, void* answer) {
  return static_cast<Answer*>(answer)->OnBody({bytes, one * count}) ? one * count : 0;
}
int ReportProgress(void* answer, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Answer*>(answer)->GoesOn() ? 0 : 1;
}

// Milliseconds left, rounded up so that curl never gives up early; at least 1, as 0 means for ever.
long MillisLeft(TimePoint deadline) {
  constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24);
  const auto left = deadline - std::chrono::steady_clock::now();
  if (left >= kLongest) {
    return static_cast<long>(kLongest.count());
  }
  return std::max(1L,
                  static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(left).count()));
}

void SetMethod(CURL* curl, const HttpRequest& request, const std::string& method) {
  if (method == "GET" && request.body.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    return;
  }
  if (method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    return;
  }
  if (method == "POST" || !request.body.empty()) {
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
  }
  if (method != "POST") {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
  }
}

void SetOptions(CURL* curl, Answer* answer) {
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &ReceiveHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &ReceiveBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &ReportProgress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, answer);
}

// Keeps an answer.
class Collector final : public HttpReceiver {
 public:
  Collector(std::size_t limit, HttpResponse* response) : limit_(limit), response_(response) {}

  bool OnHead(HttpHead head) override {
    response_->head = std::move(head);
    return true;
  }
  bool OnBody(std::string_view bytes) override {
    over_ = bytes.size() > limit_ - response_->body.size();
    if (!over_) {
      response_->body += bytes;
    }
    return !over_;
  }
  bool over() const { return over_; }

 private:
  const std::size_t limit_;
  HttpResponse* const response_;
  bool over_ = false;
};

}  // namespace

void HttpClient::HandleDeleter::operator()(void* handle) const {
  curl_easy_cleanup(handle);
}

HttpClient::HttpClient() {
  InitCurlOnce();
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
  return handle;
}

void HttpClient::PutBack(Handle handle) const {
  curl_easy_reset(handle.get());  // keeps its connection, forgets the request
  MutexLock lock(&mu_);
  if (idle_.size() < kMaxIdleHandles) {
    idle_.push_back(std::move(handle));
  }
}

HttpEnd HttpClient::Exchange(const HttpRequest& request, HttpReceiver* receiver,
                             const std::atomic<bool>& stop) const {
  if (std::chrono::steady_clock::now() >= request.deadline) {
    return {.outcome = HttpOutcome::kTimeout, .reason = "the deadline had passed"};
  }
  if (!IsName(request.method)) {
    return {.outcome = HttpOutcome::kRefused, .reason = "the method is not one"};
  }
  if (!std::all_of(request.headers.begin(), request.headers.end(), IsHeader)) {
    return {.outcome = HttpOutcome::kRefused, .reason = "a header is not one"};
  }
  const HeaderList headers = MakeHeaderList(request.headers);
  const std::string url(request.url);
  const std::string method(request.method);
  Handle handle = Take();
  CURL* curl = handle.get();
  Answer answer(curl, receiver, stop, request.idle_timeout);
  SetOptions(curl, &answer);
  SetMethod(curl, request, method);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, MillisLeft(request.deadline));

  const CURLcode code = curl_easy_perform(curl);
  HttpEnd end{.outcome = answer.End(code)};
  if (end.outcome != HttpOutcome::kAnswered) {
    end.reason = curl_easy_strerror(code);
  }
  PutBack(std::move(handle));
  return end;
}

HttpResponse HttpClient::Fetch(const HttpRequest& request, std::size_t max_body_bytes,
                               const std::atomic<bool>& stop) const {
  HttpResponse response;
  Collector collector(max_body_bytes, &response);
  response.end = Exchange(request, &collector, stop);
  if (response.end.outcome != HttpOutcome::kAnswered) {
    response.head = HttpHead();
    response.body.clear();
    if (collector.over()) {
      response.end = {.outcome = HttpOutcome::kTooLarge,
                      .reason = "the answer has over " + std::to_string(max_body_bytes) + " bytes"};
    }
  }
  return response;
}

}  // namespace nearhit
