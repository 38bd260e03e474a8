#include "server/rest/rest_call.h"

#include <cstddef>
#include <utility>

#include "server/rest/http_error.h"
#include "server/rest/json_message.h"

namespace nearhit::server {
namespace {

// Above this a body is not read, nor an answer written, on the loop's thread. It takes less than a
// millisecond.
constexpr std::size_t kLoopBytes = std::size_t{16} << 10;
// Above this an answer is counted until the client has taken it.
constexpr std::size_t kLargeAnswer = std::size_t{64} << 10;

}  // namespace

RestCall::RestCall(ServiceCore* core, AnyCall call, std::string body, TimePoint deadline,
                   std::shared_ptr<HttpResponder> responder)
    : core_(core),
      call_(std::move(call)),
      responder_(std::move(responder)),
      loop_(responder_->loop()),
      gone_(std::make_shared<std::atomic<bool>>(false)),
      context_({.deadline = deadline,
                .cancelled = [gone = gone_] { return gone->load(std::memory_order_relaxed); },
                .request_bytes = body.size()}),
      body_(std::move(body)),
      request_(call_.NewRequest()),
      response_(call_.NewResponse()) {
}

void RestCall::Start() {
  responder_->SetGone([gone = gone_] { gone->store(true, std::memory_order_relaxed); });
  if (body_.size() <= kLoopBytes) {
    Begin();
  } else {
    Submit(Lane::kStorage, &RestCall::Begin);
  }
}

void RestCall::Submit(Lane lane, void (RestCall::*step)()) {
  const Status queued = core_->Submit(lane, context_, [self = shared_from_this(), step] {
    self->on_loop_ = false;
    const Status wanted = self->core_->CheckWanted(self->context_);
    if (wanted.ok()) {
      (self.get()->*step)();
    } else {
      self->Finish(wanted);
    }
  });
  if (!queued.ok()) {
    Finish(queued);
  }
}

void RestCall::Begin() {
  Status status = ReadJson(body_, request_.get());
  body_ = std::string();
  if (status.ok() && call_.may_be_large) {
    status = core_->answers().Check();
  }
  if (status.ok()) {
    status = call_.begin(core_, *request_, context_, response_.get(), &rest_);
  }
  if (status.code() != StatusCode::kWouldBlock) {
    Finish(status);
  } else if (!on_loop_ && rest_.lane == Lane::kStorage) {
    Run();
  } else {
    Submit(rest_.lane, &RestCall::Run);
  }
}

void RestCall::Run() {
  Status status = call_.may_be_large ? core_->answers().Check() : Status();
  if (status.ok()) {
    status = rest_.run(context_, response_.get());
  }
  Finish(status);
}

void RestCall::Finish(const Status& status) {
  if (!status.ok()) {
    Reply(HttpStatusOf(status.code()), ErrorBody(status));
  } else if (on_loop_ && response_->ByteSizeLong() > kLoopBytes) {
    Submit(Lane::kStorage, &RestCall::WriteAnswer);
  } else {
    WriteAnswer();
  }
}

void RestCall::WriteAnswer() {
  auto json = WriteJson(*response_);
  if (json.ok()) {
    Reply(200, *std::move(json) + "\n");
  } else {
    Reply(HttpStatusOf(json.status().code()), ErrorBody(json.status()));
  }
}

void RestCall::Reply(int status, std::string body) {
  status_ = status;
  answer_ = std::move(body);
  if (answer_.size() > kLargeAnswer) {
    held_.Hold(&core_->answers(), answer_.size());
  }
  if (on_loop_) {
    Send();
  } else {
    loop_->Post([self = shared_from_this()] { self->Send(); });
  }
}

void RestCall::Send() {
  std::vector<HttpHeader> headers = {{.name = "content-type", .value = "application/json"}};
  if (answer_.size() <= kLargeAnswer) {
    responder_->Send(status_, std::move(headers), std::move(answer_));
    return;
  }
  responder_->Begin(status_, std::move(headers));
  responder_->SetDrained([self = shared_from_this()] {
    self->held_.Release();
    self->responder_->End("");
  });
  responder_->Write(std::exchange(answer_, std::string()));
}

}  // namespace nearhit::server
