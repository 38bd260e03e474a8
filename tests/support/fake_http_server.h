// A small HTTP/1.1 server on the loopback interface that answers as the test says.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/thread_annotations.h"

namespace nearhit {

struct FakeHttpRequest {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  int connection = 0;  // counts accepted connections from 0
};

struct FakeHttpAnswer {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  // Instead of `body`: called for one piece after the other, each sent at once in chunked encoding,
  // until it gives nothing. It may wait for the test.
  std::function<std::optional<std::string>()> next_piece{};
  std::chrono::milliseconds delay{0};  // before the first byte; cut short when the server stops
  bool truncate = false;               // sends half of the body, then closes
  bool hang_up = false;                // closes without an answer
};

// Listens from construction to destruction, on a port that the system picks, with one thread for
// each connection. Answers come from the handler.
//
// Thread-safety: thread-safe; the handler is called by many threads, one call at a time.
class FakeHttpServer {
 public:
  // `index` counts requests from 0.
  using Handler = std::function<FakeHttpAnswer(const FakeHttpRequest& request, std::size_t index)>;

  explicit FakeHttpServer(Handler handler);
  ~FakeHttpServer();
  FakeHttpServer(const FakeHttpServer&) = delete;
  FakeHttpServer& operator=(const FakeHttpServer&) = delete;

  // "http://127.0.0.1:<port>".
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<FakeHttpRequest> requests() const NEARHIT_EXCLUDES(mu_);

 private:
  void Listen() NEARHIT_EXCLUDES(mu_);
  void Serve(int socket, int connection) NEARHIT_EXCLUDES(mu_);
  // Returns false when the connection is to be closed.
  bool AnswerOne(int socket, int connection, std::string* buffer) NEARHIT_EXCLUDES(mu_);
  // Returns false when the server stopped meanwhile.
  bool Wait(std::chrono::milliseconds delay) NEARHIT_EXCLUDES(mu_);

  const Handler handler_;
  int listener_ = -1;
  int port_ = 0;

  mutable Mutex mu_;
  CondVar stopped_;
  bool stopping_ NEARHIT_GUARDED_BY(mu_) = false;
  std::vector<FakeHttpRequest> requests_ NEARHIT_GUARDED_BY(mu_);
  std::vector<int> sockets_ NEARHIT_GUARDED_BY(mu_);
  std::vector<std::thread> servers_ NEARHIT_GUARDED_BY(mu_);
  std::thread listening_;  // last: uses all of the above
};

}  // namespace nearhit
