// One exchange of the asynchronous client, and what curl calls for it. For the sources of this
// folder.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "net/async_http_client.h"
#include "net/curl_easy.h"

namespace nearhit {

// Thread-safety: the loop's thread.
class AsyncHttpClient::Exchange {
 public:
  Exchange(CurlHandle handle, AsyncHttpRequest request, AsyncHttpReceiver* receiver)
      : curl_(std::move(handle)),
        request_(std::move(request)),
        receiver_(receiver),
        headers_(MakeCurlHeaders(request_.headers)) {
    CURL* const curl = curl_.get();
    SetCurlDefaults(curl);
    SetCurlMethod(curl, request_.method,
                  request_.body == nullptr ? std::string_view() : *request_.body);
    curl_easy_setopt(curl, CURLOPT_URL, request_.url.c_str());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers_.get());
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(request_.connect_timeout.count()));
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, kReadBufferBytes);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, this);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &ReceiveHeader);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &ReceiveBody);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
  }

  CURL* curl() const { return curl_.get(); }
  CurlHandle TakeHandle() { return std::move(curl_); }
  bool cancelled() const { return cancelled_; }
  void SetCancelled() { cancelled_ = true; }
  void SetResumed(EventLoop::TimePoint now) {
    paused_ = false;
    last_byte_ = now;
  }
  void End(HttpEnd end) { receiver_->OnEnd(std::move(end)); }

  // How the exchange ended, by what curl says.
  HttpEnd Finish(CURLcode code) {
    if (code == CURLE_OK && !head_.taken()) {
      receiver_->OnHead(head_.Take(curl_.get()));
    }
    if (code == CURLE_OK) {
      return {.outcome = HttpOutcome::kAnswered};
    }
    return {.outcome = too_large_ ? HttpOutcome::kTooLarge : OutcomeOf(code),
            .reason = curl_easy_strerror(code)};
  }

  // When to look again whether the server is silent for too long; it is when that has passed.
  EventLoop::TimePoint NextCheck() const {
    const EventLoop::TimePoint now = std::chrono::steady_clock::now();
    if (head_.taken()) {
      return (paused_ ? now : last_byte_) + request_.idle_timeout;
    }
    // The head may come meanwhile.
    return std::min(started_ + request_.first_byte_timeout, now + request_.idle_timeout);
  }

  EventLoop::TimerId timer{};

 private:
  static constexpr long kReadBufferBytes = 16 << 10;

  static std::size_t ReceiveHeader(char* bytes, std::size_t one, std::size_t count, void* self) {
    return static_cast<Exchange*>(self)->OnHeaderLine({bytes, one * count}) ? one * count : 0;
  }
  static std::size_t ReceiveBody(char* bytes, std::size_t one, std::size_t count, void* self) {
    return static_cast<Exchange*>(self)->OnBody({bytes, one * count});
  }

  bool OnHeaderLine(std::string_view line) {
    last_byte_ = std::chrono::steady_clock::now();
    if (cancelled_ || !head_.Add(line)) {
      too_large_ = !cancelled_;
      return false;
    }
    long status = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
    const bool last = line == "\r\n" || line == "\n";
    if (last && status >= 200 && !head_.taken()) {
      receiver_->OnHead(head_.Take(curl_.get()));
    }
    return !cancelled_;
  }

  // What curl wants to hear: the number of bytes, another one to end, or to pause.
  std::size_t OnBody(std::string_view bytes) {
    last_byte_ = std::chrono::steady_clock::now();
    if (cancelled_) {
      return CURL_WRITEFUNC_ERROR;
    }
    paused_ = !bytes.empty() && !receiver_->OnBody(bytes);
    if (cancelled_) {
      return CURL_WRITEFUNC_ERROR;
    }
    return paused_ ? CURL_WRITEFUNC_PAUSE : bytes.size();
  }

  CurlHandle curl_;
  const AsyncHttpRequest request_;
  AsyncHttpReceiver* const receiver_;
  const CurlHeaders headers_;
  const EventLoop::TimePoint started_ = std::chrono::steady_clock::now();
  EventLoop::TimePoint last_byte_ = started_;
  HeadCollector head_;
  bool paused_ = false;
  bool cancelled_ = false;
  bool too_large_ = false;
};

}  // namespace nearhit
