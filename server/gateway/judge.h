// Asks a chat model whether stored answers serve prompts, in the background.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "nearhit/result.h"
#include "net/async_http_client.h"
#include "net/event_loop.h"
#include "server/config/gateway_options.h"
#include "server/gateway/gateway_metrics.h"
#include "server/gateway/judge_queue.h"

namespace nearhit::server {

// Has a thread, whose loop makes the calls. After a call that failed the next ones wait, longer
// each time.
//
// Thread-safety: thread-safe.
class Judge {
 public:
  static constexpr std::size_t kMostAtOnce = 4;

  // Reads the key. `metrics` must outlive the judge.
  // Errors: those of ReadApiKey(); kResourceExhausted when there is no event loop to be had.
  static Result<std::shared_ptr<Judge>> Start(const JudgeOptions& options, GatewayMetrics* metrics);
  ~Judge();
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;

  // Calls pair.done with the verdict, once, on the judge's thread, which must not wait. There may
  // be none: the pair was dropped, the model gave no answer or one that is neither yes nor no.
  void Ask(JudgePair pair) NEARHIT_EXCLUDES(mu_);
  // At once: what waits and what is under way has no verdict. Not from the judge's thread.
  void Stop() NEARHIT_EXCLUDES(mu_);

 private:
  class Call;
  using TimePoint = EventLoop::TimePoint;

  Judge(const JudgeOptions& options, const std::string& key, std::unique_ptr<EventLoop> loop,
        GatewayMetrics* metrics);

  // Begins calls, as many as may be.
  void Fill() NEARHIT_EXCLUDES(mu_);
  void Begin(JudgePair pair);
  // Of a call that is over: counts it and goes on. `failed`: there was no answer.
  void Finish(Call* call, std::string_view outcome, bool failed);

  const std::string model_;
  const std::string url_;
  const std::chrono::milliseconds timeout_;
  std::vector<HttpHeader> headers_;
  GatewayMetrics* const metrics_;
  const std::unique_ptr<EventLoop> loop_;

  // The loop's thread.
  std::unordered_map<Call*, std::shared_ptr<Call>> calls_;
  std::unique_ptr<AsyncHttpClient> client_;
  JudgeBudget budget_;
  std::uint32_t failures_ = 0;  // in a row
  TimePoint rests_until_{};
  EventLoop::TimerId wake_{};

  Mutex mu_;
  JudgeQueue waiting_ NEARHIT_GUARDED_BY(mu_);
  bool stopped_ NEARHIT_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last: uses all of the above
};

}  // namespace nearhit::server
