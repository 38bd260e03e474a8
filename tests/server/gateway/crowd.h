// Many clients at once.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/async_http_client.h"
#include "tests/server/gateway/gateway_fixture.h"

namespace nearhit::server {

// Sends all requests at the same time, each over its own connection, and waits for the answers.
class Crowd {
 public:
  explicit Crowd(std::size_t most) : most_(most) {}

  std::vector<GatewayReply> Ask(std::vector<AsyncHttpRequest> requests) const {
    auto loop = EventLoop::Create();
    if (!loop.ok()) {
      return {};
    }
    AsyncHttpClient client(loop->get(), most_);
    std::vector<std::unique_ptr<Member>> members;
    members.reserve(requests.size());
    std::size_t left = requests.size();
    for (AsyncHttpRequest& request : requests) {
      members.push_back(std::make_unique<Member>([&] {
        if (--left == 0) {
          (*loop)->Stop();
        }
      }));
      client.Start(std::move(request), members.back().get());
    }
    (*loop)->Run();
    std::vector<GatewayReply> replies;
    replies.reserve(members.size());
    for (const auto& member : members) {
      replies.push_back(std::move(member->reply));
    }
    return replies;
  }

 private:
  class Member final : public AsyncHttpReceiver {
   public:
    explicit Member(std::function<void()> ended) : ended_(std::move(ended)) {}
    ~Member() override = default;

    void OnHead(HttpHead head) override {
      reply.status = head.status;
      reply.headers = std::move(head.headers);
    }
    bool OnBody(std::string_view bytes) override {
      reply.body += bytes;
      return true;
    }
    void OnEnd(HttpEnd end) override {
      reply.whole = end.outcome == HttpOutcome::kAnswered;
      ended_();
    }

    GatewayReply reply;

   private:
    const std::function<void()> ended_;
  };

  const std::size_t most_;
};

}  // namespace nearhit::server
