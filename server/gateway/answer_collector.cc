#include "server/gateway/answer_collector.h"

#include <utility>

namespace nearhit::server {

AnswerCollector::AnswerCollector(std::shared_ptr<HttpResponder> client, std::size_t max_bytes,
                                 std::function<void(Answer)> done)
    : client_(std::move(client)), max_bytes_(max_bytes), done_(std::move(done)) {
}

void AnswerCollector::Send(int status, std::vector<HttpHeader> headers, std::string body) {
  Begin(status, std::move(headers));
  answer_.body = std::move(body);
  Finish(Outcome::kWhole);
}

void AnswerCollector::Begin(int status, std::vector<HttpHeader> headers) {
  answer_.status = status;
  answer_.headers = std::move(headers);
}

void AnswerCollector::Write(std::string_view bytes) {
  if (done_ == nullptr) {
    return;
  }
  if (answer_.body.size() + bytes.size() > max_bytes_) {
    const std::function<void()> gone = std::exchange(gone_, nullptr);
    Finish(Outcome::kTooLarge);
    if (gone) {
      gone();
    }
    return;
  }
  answer_.body += bytes;
}

void AnswerCollector::End(std::string_view last) {
  Write(last);
  Finish(Outcome::kWhole);
}

void AnswerCollector::SetGone(std::function<void()> gone) {
  gone_ = gone;
  client_->SetGone(std::move(gone));
}

void AnswerCollector::Finish(Outcome outcome) {
  if (const std::function<void(Answer)> done = std::exchange(done_, nullptr)) {
    gone_ = nullptr;
    answer_.outcome = outcome;
    done(std::move(answer_));
  }
}

}  // namespace nearhit::server
