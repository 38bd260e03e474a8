// One call upstream, and what comes of it: pieces for its readers, and an entry of the cache.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "net/async_http_client.h"
#include "server/core/service_core.h"
#include "server/dialect/answer.h"
#include "server/dialect/endpoint.h"
#include "server/dialect/sse.h"
#include "server/gateway/flight_log.h"
#include "server/gateway/gateway_metrics.h"
#include "server/gateway/near_flights.h"
#include "server/gateway/price_table.h"
#include "server/gateway/upstream_set.h"
#include "server/http/request.h"

namespace nearhit::server {

// Where an answer is stored.
struct StoreOrder {
  std::string name_space{};
  std::string scope{};
  std::string slot{};
  std::string model{};
  std::string caller{};  // a tag of the entry; empty: none
  std::optional<std::int64_t> ttl_ms{};
  bool tool_calls = false;  // store an answer that calls tools
  std::uint64_t max_bytes = 0;
  // Stores the items of a whole body, in place of an entry that is the answer, and says what they
  // cost; on any thread. Empty: there is such an entry.
  std::function<std::optional<Charge>(std::string_view body)> store_items{};
  // Gets the answer as it is stored, or null when it is none to store; on any thread. Empty: nobody
  // asks for it.
  std::function<void(const std::string* record)> review{};
};

struct FlightRequest {
  Route route{};
  std::optional<Api> api{};  // absent: bytes that nothing is known of
  std::shared_ptr<const HttpServerRequest> request{};
  std::string model{};
  bool stream = false;         // the client asked for one
  bool may_ask_usage = false;  // it said nothing of usage in the stream
  std::string key{};           // requests with one key share a flight; empty: none does
  std::optional<StoreOrder> store{};
  EventLoop::TimePoint looked_up = EventLoop::TimePoint::max();  // when the cache was last asked
  std::shared_ptr<NearFlights::Lead> lead{};  // null: nobody waits for what is near
};

// What flights need, of the process.
struct FlightHost {
  ServiceCore* core = nullptr;
  const UpstreamSet* upstreams = nullptr;
  std::shared_ptr<const PriceTable> prices{};
  std::shared_ptr<GatewayMetrics> metrics{};
  std::shared_ptr<std::atomic<std::uint64_t>> flying{};  // flights that are not over
  std::chrono::milliseconds longest_lookup{};
};

// Thread-safety: made and used on its loop.
class Flight final : public AsyncHttpReceiver, public std::enable_shared_from_this<Flight> {
 public:
  Flight(const FlightHost& host, std::shared_ptr<EventLoop> loop, class FlightTable* table,
         FlightRequest request);
  ~Flight() override;
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;

  void Start(std::uint64_t random);
  const std::shared_ptr<FlightLog>& log() const { return log_; }
  const FlightRequest& request() const { return request_; }
  // Its clients have the whole answer.
  bool has_landed() const { return terminal_ || log_->state() == FlightLog::State::kDone; }

  // The review of a request that joins, unless the flight has one, or has landed.
  void Adopt(std::function<void(const std::string* record)> review);

  void OnHead(HttpHead head) override;
  bool OnBody(std::string_view bytes) override;
  void OnEnd(HttpEnd end) override;

 private:
  bool TryNext();
  std::shared_ptr<const std::string> BodyFor(const Upstream& upstream) const;
  void OnRelieved();
  void OnEvent(const SseEvent& event, std::string_view raw);
  void Record(std::size_t bytes);
  void StopRecording();
  void Fail(const std::string& reason);
  void StoreInBackground();
  // On any thread. Null when the answer is none to keep.
  std::shared_ptr<const std::string> MakeRecord(AnswerFacts* facts) const;
  void Store(const std::string& record, const AnswerFacts& facts) const;

  const FlightHost host_;
  const std::shared_ptr<EventLoop> loop_;
  FlightTable* const table_;
  FlightRequest request_;
  const std::shared_ptr<const std::string> body_;  // of the request
  const std::shared_ptr<FlightLog> log_;

  std::vector<Upstream*> upstreams_;  // in the order in which they are asked
  std::size_t tried_ = 0;
  AsyncHttpClient::Exchange* exchange_ = nullptr;
  EventLoop::TimePoint asked_{};  // when this exchange was begun
  std::uint32_t took_ms_ = 0;     // from then to the end of the answer
  bool paused_ = false;
  bool is_stream_ = false;  // the answer is one of events
  bool asked_usage_ = false;
  bool terminal_ = false;  // the terminal event was there
  bool finished_ = false;  // the terminal event, or the reason for the end, was there
  SseParser parser_;
  // What is recorded for the cache; empty and off once it is too large.
  bool recording_ = false;
  std::size_t recorded_bytes_ = 0;
  std::string whole_;
  std::vector<SseEvent> events_;
  std::vector<FlightPiece> blocks_;  // of the events
  std::vector<std::uint32_t> delays_ms_;
  EventLoop::TimePoint last_event_{};
};

// The flights of one loop.
//
// Thread-safety: the loop's thread.
class FlightTable {
 public:
  static constexpr std::size_t kMaxConnections = 4'096;  // to one provider

  FlightTable(const FlightHost& host, std::shared_ptr<EventLoop> loop);
  ~FlightTable();
  FlightTable(const FlightTable&) = delete;
  FlightTable& operator=(const FlightTable&) = delete;

  struct Joined {
    std::shared_ptr<FlightLog> log;  // null: the answer was stored since the lookup
    bool leads = false;              // the flight is new
    bool for_record = false;         // the answer can only be had as a record
    bool asks_usage = false;
  };
  // Joins the flight of this key, or makes one. The caller joins its log before it returns to the
  // loop. A flight whose client wants the other wire mode, and one that has landed and may turn out
  // to be none that is shared, has a record or nothing.
  Joined Join(FlightRequest request, std::uint64_t random);

  // Of flights.
  AsyncHttpClient* client() { return &client_; }
  // Nobody can join it any more.
  void Retire(Flight* flight);
  // The same, of one whose answer is stored now.
  void RetireStored(Flight* flight);
  // Destroys it when the loop comes round. Requires: retired.
  void Remove(Flight* flight);

 private:
  const FlightHost host_;
  const std::shared_ptr<EventLoop> loop_;
  bool IsStoredSince(const std::string& key, EventLoop::TimePoint when) const;

  AsyncHttpClient client_;
  std::unordered_map<std::string, Flight*> by_key_;
  std::deque<std::pair<EventLoop::TimePoint, std::size_t>> stored_;  // hashes of keys, oldest first
  std::unordered_map<Flight*, std::shared_ptr<Flight>> all_;
};

}  // namespace nearhit::server
