// One request to a server, and what it answered.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http_client.h"

namespace nearhit::server {

struct HttpReply {
  long status = 0;
  std::vector<HttpHeader> headers{};
  std::string body{};
  bool whole = false;  // it ended as HTTP has it

  // Empty when there is none of this name.
  std::string Header(std::string_view name) const {
    for (const HttpHeader& header : headers) {
      if (header.name == name) {
        return header.value;
      }
    }
    return {};
  }
};

// Sees a part of the body as it comes; false leaves the server.
using OnPiece = std::function<bool(std::string_view)>;

inline HttpReply SendRequest(const HttpClient& client, const HttpRequest& request,
                             OnPiece on_piece = {}) {
  class Receiver final : public HttpReceiver {
   public:
    bool OnHead(HttpHead head) override {
      reply.status = head.status;
      reply.headers = std::move(head.headers);
      return true;
    }
    bool OnBody(std::string_view bytes) override {
      reply.body += bytes;
      return !on_piece || on_piece(bytes);
    }
    HttpReply reply;
    OnPiece on_piece;
  };
  Receiver receiver;
  receiver.on_piece = std::move(on_piece);
  const std::atomic<bool> stop{false};
  receiver.reply.whole =
      client.Exchange(request, &receiver, stop).outcome == HttpOutcome::kAnswered;
  return std::move(receiver.reply);
}

}  // namespace nearhit::server
