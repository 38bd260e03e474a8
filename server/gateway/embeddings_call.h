// One request for embeddings, from its arrival to the end of its answer.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nearhit/lookup.h"
#include "server/dialect/embeddings.h"
#include "server/gateway/answer_collector.h"
#include "server/gateway/call.h"

namespace nearhit::server {

// plan → look each input up → answer from the cache, or pass the request on, or ask upstream for
// the inputs that are missing and put both together. Whatever fails in the cache, the request goes
// upstream. A GatewayCall does what goes upstream.
//
// Thread-safety: the loop's thread; what may wait or takes long runs on another.
class EmbeddingsCall final : public std::enable_shared_from_this<EmbeddingsCall> {
 public:
  EmbeddingsCall(GatewayLoop* loop, HttpServerRequest request,
                 std::shared_ptr<HttpResponder> responder);

  void Start();

 private:
  // Deciding.
  std::string_view WhyNotCached() const;
  void Decide();
  std::string_view WhyNotServed(const LookupResult& found) const;
  bool HitsAgree() const;

  // Looking up.
  void LookUp();
  void LookUpOnWorker(std::size_t first, EventLoop::TimePoint deadline);
  void OnLookups(Result<std::vector<LookupResult>> found);

  // Answering from the cache.
  void ServeHits();
  std::vector<HttpHeader> HitHeaders() const;
  // Counts what the hits would have cost upstream; returns it in US dollars.
  double CountSaved() const;

  // Answering from upstream.
  void Forward(std::shared_ptr<HttpResponder> to, GatewayCall::Order order);
  void AskForAll(Served served, std::string_view reason);
  void AskForMissing();
  void OnAnswer(AnswerCollector::Answer answer);
  // Empty: the two do not fit together. On any thread.
  std::string Merge(std::string_view answer) const;
  FlightRequest MakeFlight(std::shared_ptr<const HttpServerRequest> request,
                           std::vector<std::string> slots) const;

  // Runs `work` on another thread, or here when it is about so few bytes of vectors that it takes
  // no time, or no thread is free. Then runs `then` on the loop.
  void Work(std::size_t bytes, std::function<void()> work, std::function<void()> then);
  std::string Items() const;  // "<hits>/<items>"

  GatewayLoop* const own_;
  const std::shared_ptr<EventLoop> loop_;
  const EventLoop::TimePoint arrived_ = std::chrono::steady_clock::now();
  const std::shared_ptr<HttpServerRequest> request_;  // constant once it is planned
  const std::shared_ptr<HttpResponder> responder_;
  // Constant once the lookups begin.
  Route route_;
  EmbeddingsPlan plan_;
  CacheControls controls_;
  std::string caller_;  // a tag of its entries
  std::string scope_;
  EventLoop::TimerId lookup_timer_{};
  bool waits_for_lookup_ = false;
  // Constant once it is decided what to do.
  std::vector<LookupResult> found_;  // one of each input; not kExact: it is missing
  std::size_t hits_ = 0;
  std::size_t hit_bytes_ = 0;
  std::string_view reason_;          // why a hit is none; constant text
  std::vector<std::size_t> asked_;   // inputs that upstream is asked for
  std::vector<std::size_t> places_;  // of each missing input, in the answer
};

}  // namespace nearhit::server
