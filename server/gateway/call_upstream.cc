#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

#include "server/gateway/call.h"
#include "server/gateway/headers.h"

namespace nearhit::server {
namespace {

// Above this a body that could be sent whole is streamed.
constexpr std::size_t kMaxWholeBytes = std::size_t{1} << 20;
// What a client has not taken, before its flight waits for it.
constexpr std::size_t kMaxUnsentBytes = std::size_t{256} << 10;
// Flights that a request joins before their failure is its own.
constexpr std::uint32_t kMaxJoins = 2;

// A stream, and whatever comes in pieces from an endpoint that is not known.
bool PassesAtOnce(const HttpHead& head, bool known) {
  return std::any_of(head.headers.begin(), head.headers.end(), [known](const HttpHeader& header) {
    return (header.name == "content-type" && header.value.starts_with("text/event-stream")) ||
           (header.name == "transfer-encoding" && !known);
  });
}

// Clients that keep the last id take every blank line for an event from then on, also one that ends
// a comment.
bool HasEventId(std::string_view block) {
  return block.starts_with("id:") || block.find("\nid:") != std::string_view::npos ||
         block.find("\rid:") != std::string_view::npos;
}

std::function<void(const std::string* record)> ReviewerOf(ShadowReview review) {
  return [kept = std::make_shared<const ShadowReview>(std::move(review))](
             const std::string* record) { kept->Run(record); };
}

}  // namespace

FlightRequest GatewayCall::MakeFlightRequest() const {
  if (order_) {
    return order_->flight;
  }
  FlightRequest flight;
  flight.route = route_;
  flight.api = api_;
  flight.request = request_;
  flight.model = plan_.model.empty() ? route_.deployment : plan_.model;
  flight.stream = plan_.stream;
  flight.may_ask_usage = !plan_.has_stream_options;
  if (stores_) {
    flight.looked_up = looked_up_;
    const GatewayOptions& options = own_->shared->options;
    // A request that could not use the flight of the other wire mode has its own.
    flight.key = plan_.has_stream_options ? "o" : "-";
    flight.key += joins_ < 2 ? "-" : (plan_.stream ? "s" : "w");
    flight.key += scope_ + '\0' + plan_.slot;
    flight.store =
        StoreOrder{.name_space = name_space_,
                   .scope = scope_,
                   .slot = plan_.slot,
                   .model = plan_.model,
                   .caller = caller_,
                   .ttl_ms = controls_.ttl_ms,
                   .tool_calls = options.cache_tool_calls && plan_.use == CacheUse::kExact,
                   .max_bytes = options.max_answer_bytes};
    const bool near_miss = compares_ && found_.kind == HitKind::kMiss && found_.candidate;
    if (!shadowed_.empty() || near_miss) {
      flight.store->review = ReviewerOf({.host = own_->shared->ReviewsIn(),
                                         .api = api_,
                                         .scope = scope_,
                                         .stored = shadowed_,
                                         .labels = HadSomethingNear(found_),
                                         .decision = {.time = std::chrono::system_clock::now(),
                                                      .request_id = request_id_,
                                                      .caller = caller_,
                                                      .name_space = name_space_,
                                                      .kind = found_.kind,
                                                      .similarity = found_.score.value_or(1),
                                                      .entry_id = found_.candidate,
                                                      .asked = plan_.slot,
                                                      .matched = found_.matched_slot}});
    }
  }
  return flight;
}

void GatewayCall::AskUpstream() {
  ++joins_;
  FlightRequest request = MakeFlightRequest();
  request.lead = std::exchange(lead_, nullptr);
  const std::uint64_t random = own_->shared->NextRandom();
  const GatewayShared::Place place =
      own_->shared->PlaceOf(request.key, {.loop = loop_, .table = own_->flights});
  const auto join = [self = shared_from_this(), random](FlightTable* table, FlightRequest wanted) {
    const FlightTable::Joined joined = table->Join(std::move(wanted), random);
    if (joined.log == nullptr) {
      return std::function<void()>([self] { self->LookUp(); });
    }
    const FlightLog::Reader reader =
        joined.log->Join(self->loop_, joined.for_record, [self] { self->Pump(); });
    return std::function<void()>([self, joined, reader] { self->OnJoined(joined, reader); });
  };
  if (place.loop == loop_) {
    join(place.table, std::move(request))();
    return;
  }
  place.loop->Post([self = shared_from_this(), place, join, request = std::move(request)] {
    self->loop_->Post(join(place.table, request));
  });
}

void GatewayCall::OnJoined(FlightTable::Joined joined, FlightLog::Reader reader) {
  flight_ = std::move(joined.log);
  reader_ = reader;
  for_record_ = joined.for_record;
  leads_ = joined.leads;
  if (responder_->gone()) {
    LeaveFlight();
    return;
  }
  if (!leads_ && served_ == Served::kMiss) {
    served_ = Served::kCoalesced;
  }
  Pump();  // what came before
}

void GatewayCall::Pump() {
  if (flight_ == nullptr) {
    return;
  }
  if (for_record_) {
    PumpRecord();
  } else if (flight_->state() != FlightLog::State::kWaiting) {
    PassOn();
  }
}

// The record serves this request, or it asks for itself.
void GatewayCall::PumpRecord() {
  if (!flight_->has_record()) {
    return;
  }
  const std::shared_ptr<const std::string> record = flight_->record();
  LeaveFlight();
  MadeForm made;
  Result<StoredAnswer> answer =
      record == nullptr ? Result<StoredAnswer>(Status(StatusCode::kNotFound, "not stored"))
                        : DecodeAnswer(*record);
  if (!answer.ok() || !AddForm(api_, plan_.stream, &*answer, &made).ok()) {
    served_ = order_ ? order_->served : Served::kMiss;
    AskUpstream();
    return;
  }
  std::vector<HttpHeader> headers = OwnHeaders(plan_.stream);
  AddForwarded(200, &headers);
  ServeStored(*answer, std::move(headers));
}

void GatewayCall::PassOn() {
  const FlightLog::State state = flight_->state();  // before the pieces, so that kDone has all
  const bool again = !leads_ && joins_ < kMaxJoins && !passing_;
  const bool failed =
      state == FlightLog::State::kFailed || IsUpstreamFailure(flight_->head().status);
  if (failed && !passing_ && !again && !shadowed_.empty() && !own_->shared->options.shadow) {
    // A hit that was to be compared: what is stored is better than an error.
    LeaveFlight();
    compares_ = false;
    found_.answer = std::exchange(shadowed_, std::string());
    if (!TryServe(found_).empty()) {
      SendError(502, "the provider failed");
    }
    return;
  }
  if (state == FlightLog::State::kFailed && !passing_) {
    if (again) {
      AskAgain();
      return;
    }
    const std::string why = flight_->failure();
    LeaveFlight();
    SendError(502, why);
    return;
  }
  if (again && IsUpstreamFailure(flight_->head().status)) {
    AskAgain();
    return;
  }
  if (!passing_ && PassesAtOnce(flight_->head(), api_.has_value())) {
    BeginPassing();
  }
  bool all = false;
  // A client that has taken everything is not told of again: only what is unsent is waited for.
  while (!all && flight_ != nullptr && responder_->unsent() < kMaxUnsentBytes) {
    all = PassPieces();
  }
  if (flight_ == nullptr) {
    return;  // the client has gone, which any write may show
  }
  if (!all) {
    responder_->SetDrained([self = shared_from_this()] { self->Pump(); });
  } else if (state == FlightLog::State::kDone || state == FlightLog::State::kFailed) {
    EndPassing(state);
  }
}

// Passes on, or collects, what is there, up to kMaxUnsentBytes. Whether that was all.
bool GatewayCall::PassPieces() {
  std::string bytes;
  bool all = false;
  while (!all && flight_ != nullptr && responder_->unsent() + bytes.size() < kMaxUnsentBytes) {
    const std::optional<FlightPiece> piece = flight_->Next(reader_);
    all = !piece;
    if (piece && keep_alive_ != nullptr && HasEventId(*piece->bytes)) {
      std::exchange(keep_alive_, nullptr)->Stop();
    }
    if (piece && !(piece->usage_only && !plan_.include_usage)) {
      (passing_ ? bytes : whole_) += *piece->bytes;
    }
    if (!passing_ && whole_.size() > kMaxWholeBytes) {
      BeginPassing();
      bytes = std::exchange(whole_, std::string());
    }
  }
  if (!bytes.empty()) {
    responder_->Write(bytes);
    if (keep_alive_ != nullptr) {
      keep_alive_->Touch();
    }
  }
  return all;
}

void GatewayCall::BeginPassing() {
  passing_ = true;
  Count(served_);
  const HttpHead& head = flight_->head();
  std::vector<HttpHeader> headers = HeadersForClient(head.headers);
  AddForwarded(head.status, &headers);
  responder_->Begin(static_cast<int>(head.status), std::move(headers));
  if (api_ && PassesAtOnce(head, true)) {  // a stream, in whole events
    keep_alive_ = KeepAlive::Start(responder_,
                                   std::chrono::milliseconds(own_->shared->options.keep_alive_ms));
  }
  responder_->Flush();
}

void GatewayCall::EndPassing(FlightLog::State state) {
  const HttpHead head = flight_->head();
  const std::string failure = flight_->failure();
  LeaveFlight();
  if (!passing_) {
    Count(served_);
    std::vector<HttpHeader> headers = HeadersForClient(head.headers);
    AddForwarded(head.status, &headers);
    responder_->Send(static_cast<int>(head.status), std::move(headers), std::move(whole_));
  } else if (state == FlightLog::State::kDone) {
    responder_->End({});
  } else {
    // Clients do not miss the end of a stream: an error they understand, and no clean end.
    if (api_ && plan_.stream) {
      responder_->Write(ErrorEvent(*api_, failure));
    }
    responder_->Abort();
  }
}

void GatewayCall::AskAgain() {
  LeaveFlight();
  served_ = order_ ? order_->served : Served::kMiss;
  whole_ = std::string();
  AskUpstream();
}

void GatewayCall::LeaveFlight() {
  if (const std::shared_ptr<KeepAlive> keep_alive = std::exchange(keep_alive_, nullptr)) {
    keep_alive->Stop();
  }
  if (const std::shared_ptr<FlightLog> flight = std::exchange(flight_, nullptr)) {
    flight->Leave(reader_);
  }
}

}  // namespace nearhit::server
