// One request to the gateway, from its arrival to the end of its answer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nearhit/lookup.h"
#include "server/dialect/embeddings.h"
#include "server/dialect/endpoint.h"
#include "server/dialect/request_plan.h"
#include "server/gateway/controls.h"
#include "server/gateway/flight.h"
#include "server/gateway/gateway.h"
#include "server/gateway/keep_alive.h"
#include "server/gateway/stored_answer.h"
#include "server/http/responder.h"

namespace nearhit::server {

// What the calls of one loop share. Thread-safety: the loop's thread.
struct GatewayLoop {
  GatewayShared* shared = nullptr;
  std::shared_ptr<EventLoop> loop{};
  RequestPlanner planner{};
  EmbeddingsPlanner embeddings_planner{};
  FlightTable* flights = nullptr;
};

// plan → look up → serve a hit, or join a flight upstream and pass its answer on. Whatever fails in
// the cache, the request goes upstream.
//
// A call that another kind of call has decided only asks upstream: Forward().
//
// A call keeps itself alive by what it waits for: a lookup, a flight, or its client.
//
// Thread-safety: the loop's thread; only the rest of a lookup runs on another.
class GatewayCall final : public std::enable_shared_from_this<GatewayCall> {
 public:
  GatewayCall(GatewayLoop* loop, HttpServerRequest request,
              std::shared_ptr<HttpResponder> responder);

  void Start();

  // What another kind of call wants of the provider, and what the answer's headers say about it.
  struct Order {
    FlightRequest flight{};
    Served served = Served::kBypass;
    std::string_view reason{};  // constant text
    std::string items{};        // "<hits>/<items>"; empty: the request has no items
  };
  // In place of Start().
  void Forward(Order order);
  // An answer of the gateway's own, in the shape of the dialect. In place of Start(), too.
  void SendError(int status, std::string_view message);

 private:
  // Deciding.
  Status Plan();
  std::string_view WhyNotCached() const;

  // Looking up.
  void LookUp();
  bool MayMeetNear(const Result<LookupResult>& result) const;
  void MeetNear();
  void DoOnWorker(Lane lane, std::function<std::function<void()>()> work,
                  std::function<void()> late);
  void OnLookup(Result<LookupResult> result);
  // Serves what was found, or says why not.
  std::string_view TryServe(const LookupResult& hit);
  std::string_view ServeWithoutReasoning(const LookupResult& hit, StoredAnswer answer);
  void ServeHit(const LookupResult& hit, const StoredAnswer& answer);
  void ServeStored(const StoredAnswer& answer, std::vector<HttpHeader> headers);

  // Answering from upstream.
  void AskUpstream();
  FlightRequest MakeFlightRequest() const;
  void OnJoined(FlightTable::Joined joined, FlightLog::Reader reader);
  void Pump();
  void PumpRecord();
  void PassOn();
  bool PassPieces();
  void BeginPassing();
  void EndPassing(FlightLog::State state);
  void AskAgain();
  void LeaveFlight();

  // Answers of the gateway's own.
  // The headers that say what the cache did with a request that went upstream.
  void AddForwarded(long upstream_status, std::vector<HttpHeader>* headers) const;
  void AddHit(const LookupResult& hit, std::vector<HttpHeader>* headers) const;
  void Count(Served how);

  GatewayLoop* const own_;
  const std::shared_ptr<EventLoop> loop_;
  const EventLoop::TimePoint arrived_ = std::chrono::steady_clock::now();
  const std::shared_ptr<HttpServerRequest> request_;  // constant once it is planned
  const std::string request_id_;
  const std::shared_ptr<HttpResponder> responder_;
  Route route_;
  std::optional<Api> api_;
  RequestPlan plan_;
  CacheControls controls_;
  std::string caller_;  // a tag of its entries
  std::string scope_;
  std::string name_space_;
  bool stores_ = false;
  Served served_ = Served::kBypass;
  std::string_view reason_;  // of x-nearhit-reason; constant text
  std::optional<Order> order_;
  EventLoop::TimerId lookup_timer_{};
  std::uint64_t waits_ = 0;                                       // for workers, begun and ended
  EventLoop::TimePoint looked_up_ = EventLoop::TimePoint::max();  // when the lookup began
  LookupResult found_;                                            // what is not served
  EntryId served_entry_{};                                        // of a hit
  bool compares_ = false;  // what is near goes upstream all the same, and is compared
  std::string shadowed_;   // the stored answer that is compared in place of being served
  int meetings_ = 0;
  std::shared_ptr<NearFlights::Lead> lead_;  // until it is the flight's
  std::uint32_t joins_ = 0;
  bool leads_ = false;
  bool for_record_ = false;  // see FlightTable::Joined
  std::shared_ptr<FlightLog> flight_;
  FlightLog::Reader reader_ = 0;
  bool passing_ = false;                   // the head is sent
  std::shared_ptr<KeepAlive> keep_alive_;  // of a stream that is passed on
  std::string whole_;                      // of an answer that is passed on whole
};

}  // namespace nearhit::server
