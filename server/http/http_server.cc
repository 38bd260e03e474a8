#include "server/http/http_server.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <system_error>
#include <unordered_map>
#include <utility>

namespace nearhit::server {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;
constexpr std::chrono::milliseconds kTick{1'000};

std::string ErrorText(int error) {
  return std::generic_category().message(error);
}

struct Listener {
  Descriptor socket;
  std::uint16_t port = 0;
};

struct AddressesDeleter {
  void operator()(addrinfo* found) const { ::freeaddrinfo(found); }
};

std::uint16_t PortOf(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port
                   : reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

Result<Listener> Listen(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) {
    return InvalidArgument("\"" + address + "\" is not host:port");
  }
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE;
  addrinfo* list = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), address.substr(colon + 1).c_str(), &wanted, &list);
  if (failed != 0) {
    return InvalidArgument("cannot listen on \"" + address + "\": " + ::gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, AddressesDeleter> found(list);
  Descriptor socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (socket.get() < 0 || ::bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(socket.get(), SOMAXCONN) != 0) {
    return Unavailable("cannot listen on \"" + address + "\": " + ErrorText(errno));
  }
  const std::uint16_t port = PortOf(socket.get());
  return Listener{.socket = std::move(socket), .port = port};
}

std::string DateNow() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 40> text{};
  const std::size_t size =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return std::string(text.data(), size);
}

}  // namespace

// A thread with its connections.
class HttpServer::Loop final : public ConnectionHost, private SocketHandler {
 public:
  static Result<std::unique_ptr<Loop>> Create(std::shared_ptr<const Descriptor> listener,
                                              const HttpServerOptions& options,
                                              std::shared_ptr<std::atomic<std::size_t>> count) {
    NEARHIT_ASSIGN_OR_RETURN(std::unique_ptr<EventLoop> events, EventLoop::Create());
    return std::unique_ptr<Loop>(
        new Loop(std::move(events), std::move(listener), options, std::move(count)));
  }
  ~Loop() override = default;

  // Errors: kResourceExhausted when the listener cannot be watched.
  Status Start(const MakeHandler& make_handler) {
    NEARHIT_RETURN_IF_ERROR(WatchListener());
    thread_ = std::thread([this, make_handler] {
      handler_ = make_handler(events_);
      Tick();
      events_->Run();
      while (!connections_.empty()) {  // one may end others
        connections_.begin()->first->Close();
      }
      closed_.clear();
      handler_.reset();
    });
    return Status();
  }

  // Lets running answers end.
  void Drain() {
    events_->Post([this] {
      draining_ = true;
      UnwatchListener();
      std::vector<HttpConnection*> all;
      for (const auto& [connection, owned] : connections_) {
        all.push_back(connection);
      }
      for (HttpConnection* const connection : all) {
        connection->Drain();
      }
    });
  }
  // Ends all.
  void Join() {
    if (thread_.joinable()) {
      events_->Stop();
      thread_.join();
    }
  }

  const std::shared_ptr<EventLoop>& loop() override { return events_; }
  HttpHandler& handler() override { return *handler_; }
  const ConnectionLimits& limits() const override { return limits_; }
  std::string_view date() const override { return date_; }
  bool draining() const override { return draining_; }
  std::string& buffer() override { return buffer_; }

  // The connection is still on the stack: it goes when the loop comes round.
  void Closed(HttpConnection* connection) override {
    count_->fetch_sub(1, std::memory_order_relaxed);
    if (closed_.empty()) {
      events_->Post([this] { closed_.clear(); });
    }
    closed_.push_back(std::move(connections_.extract(connection).mapped()));
  }

 private:
  Loop(std::unique_ptr<EventLoop> events, std::shared_ptr<const Descriptor> listener,
       const HttpServerOptions& options, std::shared_ptr<std::atomic<std::size_t>> count)
      : limits_(options.limits),
        tls_(options.tls),
        max_connections_(options.max_connections),
        listener_(std::move(listener)),
        count_(std::move(count)),
        events_(std::move(events)) {}

  // A connection wakes one loop.
  Status WatchListener() {
    NEARHIT_RETURN_IF_ERROR(events_->Watch(listener_->get(), EPOLLIN | EPOLLEXCLUSIVE, this));
    watching_ = true;
    return Status();
  }
  void UnwatchListener() {
    if (std::exchange(watching_, false)) {
      events_->Unwatch(listener_->get(), this);
    }
  }

  // Accepts.
  void OnEvents(std::uint32_t) override {
    Descriptor socket(::accept4(listener_->get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket.get() < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        UnwatchListener();  // without descriptors left there is no use in trying; until the next
                            // tick
      }
      return;
    }
    if (count_->fetch_add(1, std::memory_order_relaxed) >= max_connections_) {
      count_->fetch_sub(1, std::memory_order_relaxed);
      return;
    }
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    std::unique_ptr<TlsStream> tls = tls_ ? tls_->context()->Accept(socket.get()) : nullptr;
    const bool in_order = tls_ == nullptr || tls != nullptr;
    auto connection = std::make_unique<HttpConnection>(std::move(socket), std::move(tls), this);
    if (!in_order || !connection->Start().ok()) {
      count_->fetch_sub(1, std::memory_order_relaxed);
      return;
    }
    connections_.emplace(connection.get(), std::move(connection));
  }

  void Tick() {
    date_ = DateNow();
    std::vector<HttpConnection*> all;
    all.reserve(connections_.size());
    for (const auto& [connection, owned] : connections_) {
      all.push_back(connection);
    }
    for (HttpConnection* const connection : all) {
      connection->CheckTime(events_->now());
    }
    handler_->OnTick();
    if (!watching_ && !draining_) {
      WatchListener().IgnoreError();  // the next tick tries again
    }
    events_->After(kTick, [this] { Tick(); });
  }

  const ConnectionLimits limits_;
  const std::shared_ptr<const TlsSource> tls_;
  const std::size_t max_connections_;
  const std::shared_ptr<const Descriptor> listener_;
  const std::shared_ptr<std::atomic<std::size_t>> count_;
  const std::shared_ptr<EventLoop> events_;
  std::unique_ptr<HttpHandler> handler_;
  std::unordered_map<HttpConnection*, std::unique_ptr<HttpConnection>> connections_;
  std::vector<std::unique_ptr<HttpConnection>> closed_;
  std::string buffer_ = std::string(kReadBytes, '\0');
  std::string date_;
  bool watching_ = false;
  bool draining_ = false;
  std::thread thread_;
};

HttpServer::HttpServer(std::shared_ptr<std::atomic<std::size_t>> connections)
    : connections_(std::move(connections)) {
}

HttpServer::~HttpServer() {
  Shutdown(std::chrono::milliseconds(0));
}

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options,
                                                      const MakeHandler& make_handler) {
  NEARHIT_ASSIGN_OR_RETURN(Listener listener, Listen(options.listen));
  std::unique_ptr<HttpServer> server(new HttpServer(options.connections));
  server->port_ = listener.port;
  const auto socket = std::make_shared<const Descriptor>(std::move(listener.socket));
  for (std::size_t i = 0; i < options.threads; ++i) {
    NEARHIT_ASSIGN_OR_RETURN(std::unique_ptr<Loop> loop,
                             Loop::Create(socket, options, server->connections_));
    server->loops_.push_back(std::move(loop));
    NEARHIT_RETURN_IF_ERROR(server->loops_.back()->Start(make_handler));
  }
  return server;
}

void HttpServer::Shutdown(std::chrono::milliseconds grace) {
  for (const std::unique_ptr<Loop>& loop : loops_) {
    loop->Drain();
  }
  const auto end = std::chrono::steady_clock::now() + grace;
  constexpr std::chrono::milliseconds kLook{5};
  while (connections() > 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(kLook);
  }
  for (const std::unique_ptr<Loop>& loop : loops_) {
    loop->Join();
  }
  loops_.clear();
}

}  // namespace nearhit::server
