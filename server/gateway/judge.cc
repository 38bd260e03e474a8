#include "server/gateway/judge.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "server/dialect/answer.h"
#include "server/gateway/upstream_set.h"

namespace nearhit::server {
namespace {

constexpr std::size_t kMaxAnswerBytes = std::size_t{64} << 10;
constexpr std::uint32_t kMostDoublings = 6;  // of the second that the judge rests after a failure

std::string UrlOf(const JudgeOptions& options) {
  return Upstream({.url = options.url}, "").UrlOf("/v1/chat/completions");
}

}  // namespace

// One question to the model.
class Judge::Call final : public AsyncHttpReceiver {
 public:
  Call(Judge* judge, std::function<void(bool)> done) : judge_(judge), done_(std::move(done)) {}
  ~Call() override = default;

  void OnHead(HttpHead head) override { status_ = head.status; }
  bool OnBody(std::string_view bytes) override {
    fits_ = fits_ && body_.size() + bytes.size() <= kMaxAnswerBytes;
    body_ += fits_ ? bytes : std::string_view();
    return true;
  }
  void OnEnd(HttpEnd end) override {
    exchange = nullptr;
    if (end.outcome != HttpOutcome::kAnswered || status_ != 200) {
      const bool late = end.outcome == HttpOutcome::kTimeout;
      judge_->Finish(this, late ? "timeout" : "failed", true);
      return;
    }
    const std::optional<bool> serves =
        fits_ ? ReadVerdict(AnswerText(Api::kChat, body_)) : std::nullopt;
    if (serves) {
      done_(*serves);
    }
    judge_->Finish(this, !serves ? "unclear" : (*serves ? "right" : "wrong"), false);
  }

  AsyncHttpClient::Exchange* exchange = nullptr;  // null: over
  EventLoop::TimerId timer{};

 private:
  Judge* const judge_;
  const std::function<void(bool)> done_;
  long status_ = 0;
  std::string body_;
  bool fits_ = true;
};

Judge::Judge(const JudgeOptions& options, const std::string& key, std::unique_ptr<EventLoop> loop,
             GatewayMetrics* metrics)
    : model_(options.model),
      url_(UrlOf(options)),
      timeout_(options.timeout_ms),
      headers_{{.name = "content-type", .value = "application/json"}},
      metrics_(metrics),
      loop_(std::move(loop)),
      client_(std::make_unique<AsyncHttpClient>(loop_.get(), kMostAtOnce)),
      budget_(options.per_day) {
  if (!key.empty()) {
    headers_.push_back({.name = "authorization", .value = "Bearer " + key});
  }
  thread_ = std::thread([this] { loop_->Run(); });
}

Result<std::shared_ptr<Judge>> Judge::Start(const JudgeOptions& options, GatewayMetrics* metrics) {
  NEARHIT_ASSIGN_OR_RETURN(const std::string key,
                           ReadApiKey("judge", options.api_key_env, options.api_key_file));
  NEARHIT_ASSIGN_OR_RETURN(auto loop, EventLoop::Create());
  return std::shared_ptr<Judge>(new Judge(options, key, std::move(loop), metrics));
}

Judge::~Judge() {
  Stop();
}

void Judge::Ask(JudgePair pair) {
  {
    MutexLock lock(&mu_);
    if (stopped_) {
      return;
    }
    waiting_.Push(std::move(pair));
  }
  loop_->Post([this] { Fill(); });
}

void Judge::Stop() {
  JudgeQueue dropped;
  {
    MutexLock lock(&mu_);
    if (std::exchange(stopped_, true)) {
      return;
    }
    std::swap(dropped, waiting_);
  }
  loop_->Stop();
  thread_.join();
  client_.reset();  // it calls nobody any more
  calls_.clear();
}

void Judge::Fill() {
  while (calls_.size() < kMostAtOnce) {
    const TimePoint now = std::chrono::steady_clock::now();
    const TimePoint free = std::max(rests_until_, budget_.FreeAt(now));
    if (free > now) {
      loop_->Cancel(wake_);
      wake_ = loop_->At(free, [this] { Fill(); });
      return;
    }
    std::optional<JudgePair> pair;
    {
      MutexLock lock(&mu_);
      pair = waiting_.Pop();
    }
    if (!pair) {
      return;
    }
    budget_.Take(now);
    Begin(*std::move(pair));
  }
}

void Judge::Begin(JudgePair pair) {
  const auto call = std::make_shared<Call>(this, std::move(pair.done));
  calls_.emplace(call.get(), call);
  AsyncHttpRequest request;
  request.url = url_;
  request.headers = headers_;
  request.body = std::make_shared<const std::string>(JudgeRequestBody(model_, pair.question));
  call->exchange = client_->Start(std::move(request), call.get());
  call->timer = loop_->After(timeout_, [this, late = call.get()] {
    client_->Cancel(std::exchange(late->exchange, nullptr));
    Finish(late, "timeout", true);
  });
}

void Judge::Finish(Call* call, std::string_view outcome, bool failed) {
  metrics_->CountJudge(outcome);
  loop_->Cancel(call->timer);
  const auto found = calls_.find(call);
  loop_->Post([gone = std::move(found->second)] {});
  calls_.erase(found);
  failures_ = failed ? failures_ + 1 : 0;
  if (failed) {
    const std::uint32_t doublings = std::min(failures_ - 1, kMostDoublings);
    rests_until_ = std::chrono::steady_clock::now() + std::chrono::seconds(1U << doublings);
  }
  Fill();
}

}  // namespace nearhit::server
