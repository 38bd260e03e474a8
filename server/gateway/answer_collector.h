// An answer that somebody in the gateway reads whole before the client gets one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/responder.h"

namespace nearhit::server {

// Stands in for the client of a call. The client's going reaches the call as ever.
//
// Thread-safety: as HttpResponder.
class AnswerCollector final : public HttpResponder {
 public:
  enum class Outcome : std::uint8_t {
    kWhole,
    kCut,       // the call aborted it
    kTooLarge,  // the call was told that its client has gone
  };
  struct Answer {
    Outcome outcome = Outcome::kWhole;
    int status = 0;
    std::vector<HttpHeader> headers{};
    std::string body{};
  };

  // `done` gets the answer, once.
  AnswerCollector(std::shared_ptr<HttpResponder> client, std::size_t max_bytes,
                  std::function<void(Answer)> done);
  ~AnswerCollector() override = default;

  const std::shared_ptr<EventLoop>& loop() override { return client_->loop(); }
  bool gone() const override { return done_ == nullptr || client_->gone(); }
  void Send(int status, std::vector<HttpHeader> headers, std::string body) override;
  void Begin(int status, std::vector<HttpHeader> headers) override;
  void Write(std::string_view bytes) override;
  void Flush() override {}
  void End(std::string_view last) override;
  void Abort() override { Finish(Outcome::kCut); }
  std::size_t unsent() const override { return 0; }
  void SetDrained(std::function<void()> drained) override { loop()->Post(std::move(drained)); }
  void SetGone(std::function<void()> gone) override;

 private:
  void Finish(Outcome outcome);

  const std::shared_ptr<HttpResponder> client_;
  const std::size_t max_bytes_;
  std::function<void(Answer)> done_;  // empty once it was called
  std::function<void()> gone_;
  Answer answer_;
};

}  // namespace nearhit::server
