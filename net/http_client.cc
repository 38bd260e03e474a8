#include "net/http_client.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "net/curl_easy.h"

namespace nearhit {
namespace {

using TimePoint = std::chrono::steady_clock::time_point;

constexpr std::size_t kMaxIdleHandles = 32;

// What becomes of one answer.
class Answer {
 public:
  Answer(CURL* curl, HttpReceiver* receiver, const std::atomic<bool>& stop,
         std::chrono::milliseconds idle_timeout)
      : curl_(curl), receiver_(receiver), stop_(stop), idle_timeout_(idle_timeout) {}

  // A line of a head, with its line end.
  bool OnHeaderLine(std::string_view line) {
    last_byte_ = std::chrono::steady_clock::now();
    if (!head_.Add(line)) {
      early_ = HttpOutcome::kTooLarge;
      return false;
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
    return OutcomeOf(code);
  }

 private:
  bool GiveHead() { return head_.taken() || receiver_->OnHead(head_.Take(curl_)); }

  CURL* const curl_;
  HttpReceiver* const receiver_;
  const std::atomic<bool>& stop_;
  const std::chrono::milliseconds idle_timeout_;
  TimePoint last_byte_ = std::chrono::steady_clock::now();
  HeadCollector head_;
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

void SetOptions(CURL* curl, Answer* answer) {
  SetCurlDefaults(curl);
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
  InitCurl();
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
  if (std::optional<std::string> why = WhyNotSendable(request.method, request.headers)) {
    return {.outcome = HttpOutcome::kRefused, .reason = *std::move(why)};
  }
  const CurlHeaders headers = MakeCurlHeaders(request.headers);
  const std::string url(request.url);
  const std::string method(request.method);
  Handle handle = Take();
  CURL* curl = handle.get();
  Answer answer(curl, receiver, stop, request.idle_timeout);
  SetOptions(curl, &answer);
  SetCurlMethod(curl, method, request.body);
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
