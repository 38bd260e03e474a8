#include "server/http/connection.h"

#include <algorithm>
#include <utility>

#include "server/http/answer_text.h"

namespace nearhit::server {
namespace {

// Of requests that a client sent before it had the answer to the first.
constexpr std::size_t kMaxUnreadBytes = std::size_t{64} << 10;
// Of answers that a client does not take: above this the next request waits.
constexpr std::size_t kMaxUnsentBytes = std::size_t{64} << 10;
// Above this an empty buffer is given back.
constexpr std::size_t kKeptBufferBytes = std::size_t{4} << 10;

}  // namespace

// The connection and its responder know each other until one of them is over.
class HttpConnection::Responder final : public HttpResponder {
 public:
  Responder(HttpConnection* connection, bool head_only, bool http_1_0)
      : connection_(connection),
        loop_(connection->host_->loop()),
        bodiless_(head_only),
        http_1_0_(http_1_0) {}
  ~Responder() override { Abort(); }
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  const std::shared_ptr<EventLoop>& loop() override { return loop_; }
  bool gone() const override { return connection_ == nullptr; }

  void Send(int status, std::vector<HttpHeader> headers, std::string body) override {
    if (connection_ != nullptr && !begun_) {
      begun_ = true;
      connection_->AppendHead(status, headers, body.size(), false);
      if (!bodiless_ && HasBody(status)) {
        connection_->out_ += body;
      }
      Finish();
    }
  }

  void Begin(int status, std::vector<HttpHeader> headers) override {
    if (connection_ != nullptr && !begun_) {
      begun_ = true;
      connection_->close_after_ = connection_->close_after_ || http_1_0_;
      connection_->AppendHead(status, headers, std::nullopt, !http_1_0_ && HasBody(status));
      bodiless_ = bodiless_ || !HasBody(status);
    }
  }

  void Write(std::string_view bytes) override {
    Append(bytes);
    Flush();
  }

  void Flush() override {
    if (connection_ != nullptr) {
      connection_->Flush();
    }
  }

  void End(std::string_view last) override {
    Append(last);
    if (connection_ != nullptr) {
      connection_->out_ += http_1_0_ || bodiless_ ? "" : "0\r\n\r\n";
      Finish();
    }
  }

  void Abort() override {
    const Callbacks last = TakeCallbacks();
    if (connection_ != nullptr) {
      connection_->Close();
    }
  }

  std::size_t unsent() const override { return connection_ == nullptr ? 0 : connection_->unsent(); }
  void SetDrained(std::function<void()> drained) override {
    callbacks_.drained = connection_ == nullptr ? nullptr : std::move(drained);
  }
  void SetGone(std::function<void()> gone) override {
    callbacks_.gone = connection_ == nullptr ? nullptr : std::move(gone);
  }

  // From the connection, which is over.
  void ConnectionClosed() {
    connection_ = nullptr;
    const Callbacks last = TakeCallbacks();
    if (last.gone) {
      last.gone();
    }
  }
  // From the connection: everything is taken.
  void Drained() {
    if (const std::function<void()> drained = std::exchange(callbacks_.drained, nullptr)) {
      drained();
    }
  }

 private:
  // Nothing is called once the answer is over.
  struct Callbacks {
    std::function<void()> drained{};
    std::function<void()> gone{};
  };

  // What they hold may hold this: who takes them drops them last.
  Callbacks TakeCallbacks() { return std::exchange(callbacks_, Callbacks()); }

  void Append(std::string_view bytes) {
    if (connection_ == nullptr || bytes.empty() || bodiless_) {
      return;
    }
    std::string& out = connection_->out_;
    if (http_1_0_) {
      out += bytes;
    } else {
      AppendChunkSize(bytes.size(), &out);
      out.append(bytes).append("\r\n");
    }
  }

  void Finish() {
    const Callbacks last = TakeCallbacks();
    std::exchange(connection_, nullptr)->FinishAnswer();
  }

  HttpConnection* connection_;  // null when it is over, or the answer is
  const std::shared_ptr<EventLoop> loop_;
  bool bodiless_;
  const bool http_1_0_;
  bool begun_ = false;
  Callbacks callbacks_;
};

HttpConnection::HttpConnection(Descriptor socket, std::unique_ptr<TlsStream> tls,
                               ConnectionHost* host)
    : transport_(std::move(socket), std::move(tls)),
      host_(host),
      reader_(host->limits().request),
      since_(host->loop()->now()) {
}

HttpConnection::~HttpConnection() {
  if (watched_ != 0) {
    host_->loop()->Unwatch(transport_.socket(), this);
  }
  if (responder_ != nullptr) {
    std::exchange(responder_, nullptr)->ConnectionClosed();
  }
}

Status HttpConnection::Start() {
  constexpr std::uint32_t kFirst = EPOLLIN | EPOLLRDHUP;
  NEARHIT_RETURN_IF_ERROR(host_->loop()->Watch(transport_.socket(), kFirst, this));
  watched_ = kFirst;
  return Status();
}

bool HttpConnection::reads_requests() const {
  return !busy() && !close_after_ && unsent() <= kMaxUnsentBytes;
}

void HttpConnection::OnEvents(std::uint32_t events) {
  if ((events & EPOLLIN) != 0 || ((events & EPOLLOUT) != 0 && transport_.wants_write())) {
    Read();
  }
  if (!closed_ && (events & EPOLLOUT) != 0) {
    Flush();
    Continue();
  }
  // A client that will send nothing more waits for nothing either, as proxies have it.
  if (!closed_ && (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0) {
    Close();
  }
}

void HttpConnection::Read() {
  std::string& buffer = host_->buffer();
  const auto got = lingering_ ? transport_.Discard(buffer) : transport_.Read(buffer);
  if (!got && !lingering_ && !transport_.ready()) {
    CloseGently();  // the client gets to know why its handshake failed
    return;
  }
  if (!got) {
    Close();
    return;
  }
  if (lingering_) {
    return;
  }
  const std::string_view bytes(buffer.data(), *got);
  if (bytes.empty() || !reads_requests()) {
    unread_ += bytes;
    UpdateWatch();
  } else {
    Consume(bytes);
  }
}

// The bytes are the host's: a handler may not read from a connection while it answers.
void HttpConnection::Consume(std::string_view bytes) {
  consuming_ = true;
  while (!closed_ && reads_requests() && !bytes.empty()) {
    if (reader_.state() == RequestReader::State::kIdle) {
      since_ = host_->loop()->now();
    }
    bytes.remove_prefix(reader_.Feed(bytes));
    if (reader_.TakeExpectation()) {
      out_ += "HTTP/1.1 100 Continue\r\n\r\n";
      Flush();
    }
    if (reader_.state() == RequestReader::State::kComplete) {
      StartAnswer(reader_.Take());
    } else if (reader_.state() == RequestReader::State::kRefused) {
      Refuse(reader_.refusal());
    }
  }
  consuming_ = false;
  if (!closed_ && !lingering_) {
    unread_.assign(bytes);
  }
  UpdateWatch();
}

void HttpConnection::Continue() {
  if (!closed_ && !consuming_ && reads_requests() && !unread_.empty()) {
    const std::string unread = std::exchange(unread_, std::string());
    Consume(unread);
  }
}

void HttpConnection::StartAnswer(HttpServerRequest request) {
  close_after_ = !request.keep_alive || host_->draining();
  says_keep_alive_ = request.http_1_0;
  auto responder = std::make_shared<Responder>(this, request.method == "HEAD", request.http_1_0);
  responder_ = responder.get();
  host_->handler().OnRequest(std::move(request), std::move(responder));
}

void HttpConnection::Refuse(const RequestRefusal& refusal) {
  close_after_ = true;
  AppendHead(refusal.status, {{.name = "content-type", .value = "text/plain; charset=utf-8"}},
             refusal.reason.size() + 1, false);
  out_ += refusal.reason + "\n";
  Flush();
}

void HttpConnection::AppendHead(int status, const std::vector<HttpHeader>& headers,
                                std::optional<std::size_t> length, bool chunked) {
  AppendStatusLine(status, &out_);
  for (const HttpHeader& header : headers) {
    AppendHeader(header.name, header.value, &out_);
  }
  AppendHeader("date", host_->date(), &out_);
  if (length && HasBody(status)) {
    AppendHeader("content-length", std::to_string(*length), &out_);
  }
  close_after_ = close_after_ || host_->draining();
  if (close_after_) {
    AppendHeader("connection", "close", &out_);
  } else if (says_keep_alive_) {
    AppendHeader("connection", "keep-alive", &out_);
  }
  if (chunked) {
    AppendHeader("transfer-encoding", "chunked", &out_);
  }
  out_ += "\r\n";
}

void HttpConnection::Flush() {
  while (out_begin_ < out_.size()) {
    const auto sent = transport_.Write(std::string_view(out_).substr(out_begin_));
    if (!sent) {
      Close();
      return;
    }
    if (*sent == 0) {
      break;
    }
    since_ = host_->loop()->now();
    out_begin_ += *sent;
  }
  const bool all = out_begin_ == out_.size();
  if (all) {
    out_.clear();
    out_begin_ = 0;
    if (out_.capacity() > kKeptBufferBytes) {
      out_ = std::string();
    }
  }
  UpdateWatch();
  if (all && busy()) {
    responder_->Drained();
  } else if (all && close_after_) {
    CloseGently();
  }
}

void HttpConnection::FinishAnswer() {
  responder_ = nullptr;
  since_ = host_->loop()->now();
  Flush();
  Continue();
}

// A client that still sends would lose the answer to a reset; so it gets some time to read it.
void HttpConnection::CloseGently() {
  if (!lingering_) {
    lingering_ = true;
    unread_ = std::string();
    since_ = host_->loop()->now();
  }
  transport_.Finish();
  UpdateWatch();
}

void HttpConnection::Close() {
  if (closed_) {
    return;
  }
  closed_ = true;
  if (watched_ != 0) {
    host_->loop()->Unwatch(transport_.socket(), this);
    watched_ = 0;
  }
  if (!busy() && out_.empty()) {
    transport_.Finish();  // everything was said
  }
  transport_.Close();
  if (responder_ != nullptr) {
    std::exchange(responder_, nullptr)->ConnectionClosed();
  }
  host_->Closed(this);
}

void HttpConnection::Drain() {
  const bool waits = reader_.state() == RequestReader::State::kIdle && unread_.empty();
  if (!busy() && waits && out_.empty()) {
    Close();
  } else if (busy() || waits) {
    close_after_ = true;
  }
}

void HttpConnection::CheckTime(EventLoop::TimePoint now) {
  constexpr std::chrono::milliseconds kLingerTimeout{2'000};
  const ConnectionLimits& limits = host_->limits();
  std::chrono::milliseconds limit = limits.idle_timeout;
  if (lingering_) {
    limit = kLingerTimeout;
  } else if ((watched_ & EPOLLOUT) != 0 && !out_.empty()) {
    limit = limits.write_timeout;
  } else if (busy()) {
    return;
  } else if (!transport_.ready() || reader_.state() == RequestReader::State::kReading) {
    limit = limits.request_timeout;
  }
  if (now - since_ > limit) {
    Close();
  }
}

void HttpConnection::UpdateWatch() {
  if (closed_) {
    return;
  }
  const bool reads = unread_.size() < kMaxUnreadBytes;
  const bool writes = !out_.empty() || transport_.wants_write();
  const std::uint32_t events = EPOLLRDHUP | (reads ? EPOLLIN : 0U) | (writes ? EPOLLOUT : 0U);
  if (!out_.empty() && (events & ~watched_ & EPOLLOUT) != 0) {
    since_ = host_->loop()->now();  // the wait for the client begins
  }
  if (events != watched_) {
    host_->loop()->Rewatch(transport_.socket(), events, this);
    watched_ = events;
  }
}

}  // namespace nearhit::server
