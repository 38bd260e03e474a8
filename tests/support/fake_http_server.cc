#include "tests/support/fake_http_server.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cctype>
#include <netinet/in.h>
#include <optional>
#include <sstream>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

namespace nearhit {
namespace {

bool SendAll(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool ReceiveMore(int socket, std::string* buffer) {
  char bytes[16'384];
  const ssize_t received = recv(socket, bytes, sizeof(bytes), 0);
  if (received <= 0) {
    return false;
  }
  buffer->append(bytes, static_cast<std::size_t>(received));
  return true;
}

// Parses the request line and the headers, without the empty line that ends them.
FakeHttpRequest ParseHead(std::string_view head) {
  FakeHttpRequest request;
  const std::string_view first = head.substr(0, head.find("\r\n"));
  const std::size_t space = first.find(' ');
  request.method = first.substr(0, space);
  request.target = first.substr(space + 1, first.rfind(' ') - space - 1);
  while (head.find("\r\n") != std::string_view::npos) {
    head.remove_prefix(head.find("\r\n") + 2);
    const std::string_view line = head.substr(0, head.find("\r\n"));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      continue;
    }
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const std::size_t value = line.find_first_not_of(' ', colon + 1);
    request.headers[name] = value == std::string_view::npos ? "" : std::string(line.substr(value));
  }
  return request;
}

// Reads one request; `buffer` holds bytes that came early. Returns false at the end of the
// connection.
bool ReadRequest(int socket, std::string* buffer, FakeHttpRequest* request) {
  std::size_t end = 0;
  while ((end = buffer->find("\r\n\r\n")) == std::string::npos) {
    if (!ReceiveMore(socket, buffer)) {
      return false;
    }
  }
  *request = ParseHead(std::string_view(*buffer).substr(0, end));
  buffer->erase(0, end + 4);
  const auto length = request->headers.find("content-length");
  const std::size_t size = length == request->headers.end() ? 0 : std::stoul(length->second);
  while (buffer->size() < size) {
    if (!ReceiveMore(socket, buffer)) {
      return false;
    }
  }
  request->body = buffer->substr(0, size);
  buffer->erase(0, size);
  return true;
}

// Returns false when the connection is to be closed.
bool SendPieces(int socket, const std::string& head, const FakeHttpAnswer& answer) {
  if (!SendAll(socket, head)) {
    return false;
  }
  while (const std::optional<std::string> piece = answer.next_piece()) {
    std::ostringstream chunk;
    chunk << std::hex << piece->size() << "\r\n" << *piece << "\r\n";
    if (!SendAll(socket, chunk.str())) {
      return false;
    }
  }
  return !answer.truncate && SendAll(socket, "0\r\n\r\n");
}

}  // namespace

FakeHttpServer::FakeHttpServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  NEARHIT_CHECK(listener_ >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  NEARHIT_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  NEARHIT_CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  NEARHIT_CHECK(listen(listener_, 64) == 0);
  port_ = ntohs(address.sin_port);
  listening_ = std::thread([this] { Listen(); });
}

FakeHttpServer::~FakeHttpServer() {
  std::vector<std::thread> servers;
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    for (const int socket : sockets_) {
      shutdown(socket, SHUT_RDWR);
    }
    stopped_.NotifyAll();
  }
  shutdown(listener_, SHUT_RDWR);
  listening_.join();
  {
    MutexLock lock(&mu_);
    servers.swap(servers_);
  }
  for (std::thread& server : servers) {
    server.join();
  }
  for (const int socket : sockets_) {
    close(socket);
  }
  close(listener_);
}

std::vector<FakeHttpRequest> FakeHttpServer::requests() const {
  MutexLock lock(&mu_);
  return requests_;
}

void FakeHttpServer::Listen() {
  for (int connection = 0;; ++connection) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) {
      return;
    }
    MutexLock lock(&mu_);
    if (stopping_) {
      close(socket);
      return;
    }
    sockets_.push_back(
        socket);  // closed with the server, so that its number is not taken meanwhile
    servers_.emplace_back([this, socket, connection] { Serve(socket, connection); });
  }
}

void FakeHttpServer::Serve(int socket, int connection) {
  std::string buffer;
  while (AnswerOne(socket, connection, &buffer)) {
  }
  shutdown(socket, SHUT_RDWR);
}

bool FakeHttpServer::AnswerOne(int socket, int connection, std::string* buffer) {
  FakeHttpRequest request;
  if (!ReadRequest(socket, buffer, &request)) {
    return false;
  }
  request.connection = connection;
  FakeHttpAnswer answer;
  {
    MutexLock lock(&mu_);
    requests_.push_back(request);
    answer = handler_(request, requests_.size() - 1);
  }
  if (!Wait(answer.delay) || answer.hang_up) {
    return false;
  }
  std::string bytes = "HTTP/1.1 " + std::to_string(answer.status) + " Scripted\r\n";
  for (const auto& [name, value] : answer.headers) {
    bytes += name + ": " + value + "\r\n";
  }
  if (answer.next_piece) {
    return SendPieces(socket, bytes + "Transfer-Encoding: chunked\r\n\r\n", answer);
  }
  bytes += "Content-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n";
  bytes += answer.truncate ? answer.body.substr(0, answer.body.size() / 2) : answer.body;
  return SendAll(socket, bytes) && !answer.truncate;
}

bool FakeHttpServer::Wait(std::chrono::milliseconds delay) {
  const auto until = std::chrono::steady_clock::now() + delay;
  MutexLock lock(&mu_);
  while (!stopping_ && std::chrono::steady_clock::now() < until) {
    stopped_.WaitUntil(&mu_, until);
  }
  return !stopping_;
}

}  // namespace nearhit
