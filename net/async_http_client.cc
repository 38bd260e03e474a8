#include "net/async_http_client.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "net/async_exchange.h"
#include "net/curl_easy.h"

namespace nearhit {
namespace {

constexpr std::size_t kMaxIdleTransfers = 64;
constexpr long kMaxIdleConnections = 256;

struct MultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

}  // namespace

// curl's multi interface on the loop. Curl may not be called from its own callbacks, so what they
// ask for is done when the outermost call has returned.
class AsyncHttpClient::Impl {
 public:
  Impl(EventLoop* loop, std::size_t max_connections) : loop_(loop) {
    InitCurl();
    multi_.reset(curl_multi_init());
    NEARHIT_CHECK(multi_ != nullptr);  // out of memory
    CURLM* const multi = multi_.get();
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &OnSocket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &OnTimer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(max_connections));
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, kMaxIdleConnections);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
  }
  ~Impl() {
    loop_->Cancel(done_timer_);
    for (auto& [exchange, owned] : exchanges_) {
      loop_->Cancel(exchange->timer);
      curl_multi_remove_handle(multi_.get(), exchange->curl());
    }
    exchanges_.clear();
    multi_.reset();              // closes connections, and with them the watches
    loop_->Cancel(curl_timer_);  // curl may set it until here
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Exchange* Start(AsyncHttpRequest request, AsyncHttpReceiver* receiver) {
    std::optional<std::string> refused = WhyNotSendable(request.method, request.headers);
    auto owned = std::make_unique<Exchange>(TakeHandle(), std::move(request), receiver);
    Exchange* const exchange = owned.get();
    exchanges_.emplace(exchange, std::move(owned));
    if (refused) {
      ended_.push_back(
          {exchange, {.outcome = HttpOutcome::kRefused, .reason = *std::move(refused)}});
    } else {
      starting_.push_back(exchange);
    }
    exchange->timer =
        loop_->At(exchange->NextCheck(), [this, exchange] { CheckSilence(exchange); });
    Work();
    return exchange;
  }

  void Resume(Exchange* exchange) {
    if (!exchanges_.contains(exchange)) {
      return;  // it is ending
    }
    exchange->SetResumed(std::chrono::steady_clock::now());
    resuming_.push_back(exchange);
    Work();
  }

  void Cancel(Exchange* exchange) {
    if (!exchanges_.contains(exchange) || exchange->cancelled()) {
      return;  // it is ending
    }
    exchange->SetCancelled();
    loop_->Cancel(exchange->timer);
    cancelled_.push_back(exchange);
    Work();
  }

 private:
  // A socket of curl's.
  class Socket final : public SocketHandler {
   public:
    Socket(Impl* client, curl_socket_t fd) : client_(client), fd_(fd) {}
    ~Socket() override { Want(CURL_POLL_NONE); }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    void Want(int what) {
      const std::uint32_t events =
          (what == CURL_POLL_IN || what == CURL_POLL_INOUT ? EPOLLIN : 0U) |
          (what == CURL_POLL_OUT || what == CURL_POLL_INOUT ? EPOLLOUT : 0U);
      if (events == events_) {
        return;
      }
      if (events == 0) {
        client_->loop_->Unwatch(fd_, this);
      } else if (events_ == 0) {
        client_->loop_->Watch(fd_, events, this).IgnoreError();  // silence ends the exchange
      } else {
        client_->loop_->Rewatch(fd_, events, this);
      }
      events_ = events;
    }
    void OnEvents(std::uint32_t events) override {
      const unsigned what = ((events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0U) |
                            ((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0U) |
                            ((events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0U);
      client_->Act(fd_, static_cast<int>(what));  // may destroy this
    }

   private:
    Impl* const client_;
    const curl_socket_t fd_;
    std::uint32_t events_ = 0;
  };

  struct Ended {
    Exchange* exchange = nullptr;
    HttpEnd end{};
  };

  static int OnSocket(CURL*, curl_socket_t fd, int what, void* self, void* socket) {
    Impl* const client = static_cast<Impl*>(self);
    auto* known = static_cast<Socket*>(socket);
    if (what == CURL_POLL_REMOVE) {
      client->sockets_.erase(known);
      return 0;
    }
    if (known == nullptr) {
      auto made = std::make_unique<Socket>(client, fd);
      known = made.get();
      client->sockets_.emplace(known, std::move(made));
      curl_multi_assign(client->multi_.get(), fd, known);
    }
    known->Want(what);
    return 0;
  }

  static int OnTimer(CURLM*, long millis, void* self) {
    Impl* const client = static_cast<Impl*>(self);
    client->loop_->Cancel(client->curl_timer_);
    client->curl_timer_ = {};
    if (millis >= 0) {
      client->curl_timer_ = client->loop_->After(std::chrono::milliseconds(millis), [client] {
        client->curl_timer_ = {};
        client->Act(CURL_SOCKET_TIMEOUT, 0);
      });
    }
    return 0;
  }

  // An event of the loop.
  void Act(curl_socket_t fd, int what) {
    CallSocketAction(fd, what);
    CollectDone();
    HandOutEnds();
  }

  void CallSocketAction(curl_socket_t fd, int what) {
    inside_ = true;
    int running = 0;
    curl_multi_socket_action(multi_.get(), fd, what, &running);
    inside_ = false;
    Work();
  }

  // Does what was asked for. Ends are handed out later, by the loop: nothing calls a receiver from
  // within its own call of this client.
  void Work() {
    if (inside_) {
      return;
    }
    while (!starting_.empty() || !resuming_.empty() || !cancelled_.empty()) {
      for (Exchange* const exchange : std::exchange(cancelled_, {})) {
        Remove(exchange);
      }
      inside_ = true;
      for (Exchange* const exchange : std::exchange(starting_, {})) {
        curl_multi_add_handle(multi_.get(), exchange->curl());  // sets a timer that is due
      }
      for (Exchange* const exchange : std::exchange(resuming_, {})) {
        curl_easy_pause(exchange->curl(), CURLPAUSE_CONT);
      }
      inside_ = false;
    }
    CollectDone();
    if (!ended_.empty() && done_timer_.number == 0) {
      done_timer_ = loop_->After(std::chrono::milliseconds(0), [this] {
        done_timer_ = {};
        HandOutEnds();
      });
    }
  }

  void CollectDone() {
    int left = 0;
    while (CURLMsg* const message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) {
        continue;
      }
      char* exchange = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
      ended_.push_back({reinterpret_cast<Exchange*>(exchange), {}});
      codes_.emplace(ended_.back().exchange, message->data.result);
    }
  }

  void HandOutEnds() {
    while (!ended_.empty()) {
      Ended ended = std::move(ended_.back());
      ended_.pop_back();
      Exchange* const exchange = ended.exchange;
      if (const auto code = codes_.extract(exchange)) {
        inside_ = true;  // it may be cancelled, but must live on
        ended.end = exchange->Finish(code.mapped());
        inside_ = false;
      }
      if (!exchange->cancelled()) {
        const std::unique_ptr<Exchange> owned = Remove(exchange);
        owned->End(std::move(ended.end));
      }
    }
    Work();
  }

  std::unique_ptr<Exchange> Remove(Exchange* exchange) {
    loop_->Cancel(exchange->timer);
    std::erase(starting_, exchange);
    std::erase(resuming_, exchange);
    std::erase_if(ended_, [exchange](const Ended& ended) { return ended.exchange == exchange; });
    codes_.erase(exchange);
    inside_ = true;
    curl_multi_remove_handle(multi_.get(), exchange->curl());
    inside_ = false;
    std::unique_ptr<Exchange> owned = std::move(exchanges_.extract(exchange).mapped());
    CurlHandle handle = owned->TakeHandle();
    if (idle_.size() < kMaxIdleTransfers) {
      curl_easy_reset(handle.get());
      idle_.push_back(std::move(handle));
    }
    return owned;
  }

  // Ends the exchange when its server is silent for too long, and looks again when it may be.
  void CheckSilence(Exchange* exchange) {
    const EventLoop::TimePoint next = exchange->NextCheck();
    if (next > std::chrono::steady_clock::now()) {
      exchange->timer = loop_->At(next, [this, exchange] { CheckSilence(exchange); });
      return;
    }
    const std::unique_ptr<Exchange> owned = Remove(exchange);
    owned->End({.outcome = HttpOutcome::kTimeout, .reason = "the server was silent for too long"});
    Work();
  }

  CurlHandle TakeHandle() {
    if (!idle_.empty()) {
      CurlHandle handle = std::move(idle_.back());
      idle_.pop_back();
      return handle;
    }
    CurlHandle handle(curl_easy_init());
    NEARHIT_CHECK(handle != nullptr);  // out of memory
    return handle;
  }

  EventLoop* const loop_;
  std::unordered_map<Socket*, std::unique_ptr<Socket>> sockets_;
  std::unique_ptr<CURLM, MultiDeleter> multi_;
  std::unordered_map<Exchange*, std::unique_ptr<Exchange>> exchanges_;
  std::vector<CurlHandle> idle_;
  bool inside_ = false;  // a call of curl's that may call back
  std::vector<Exchange*> starting_;
  std::vector<Exchange*> resuming_;
  std::vector<Exchange*> cancelled_;
  std::vector<Ended> ended_;  // not handed out yet
  std::unordered_map<Exchange*, CURLcode> codes_;
  EventLoop::TimerId curl_timer_{};
  EventLoop::TimerId done_timer_{};
};

AsyncHttpClient::AsyncHttpClient(EventLoop* loop, std::size_t max_connections)
    : impl_(std::make_unique<Impl>(loop, max_connections)) {
}

AsyncHttpClient::~AsyncHttpClient() = default;

AsyncHttpClient::Exchange* AsyncHttpClient::Start(AsyncHttpRequest request,
                                                  AsyncHttpReceiver* receiver) {
  return impl_->Start(std::move(request), receiver);
}

void AsyncHttpClient::Resume(Exchange* exchange) {
  impl_->Resume(exchange);
}

void AsyncHttpClient::Cancel(Exchange* exchange) {
  impl_->Cancel(exchange);
}

}  // namespace nearhit
