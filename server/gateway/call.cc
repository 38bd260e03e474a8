#include "server/gateway/call.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

#include "base/coding.h"
#include "server/dialect/digest.h"
#include "server/dialect/json_edit.h"
#include "server/gateway/headers.h"

namespace nearhit::server {
namespace {

// Above this a body that could be sent whole is streamed.
constexpr std::size_t kMaxWholeBytes = std::size_t{1} << 20;
// What a client has not taken, before its flight waits for it.
constexpr std::size_t kMaxUnsentBytes = std::size_t{256} << 10;
// Flights that a request joins before their failure is its own.
constexpr std::uint32_t kMaxJoins = 2;

std::optional<Api> ApiOf(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::kChat:
      return Api::kChat;
    case Endpoint::kCompletions:
      return Api::kCompletions;
    case Endpoint::kMessages:
      return Api::kMessages;
    case Endpoint::kResponses:
      return Api::kResponses;
    default:
      return std::nullopt;
  }
}

bool IsFailure(long status) {
  return status == 429 || status >= 500;
}

bool MayHaveReasoning(std::string_view text) {
  return text.find("reasoning") != std::string_view::npos ||
         text.find("thinking") != std::string_view::npos;
}

std::string Score(float score) {
  std::array<char, 32> text;
  const int size = std::snprintf(text.data(), text.size(), "%.4f", static_cast<double>(score));
  return std::string(text.data(), static_cast<std::size_t>(size));
}

// As providers have it: what a client shows when it asks for help.
HttpHeader NewRequestId(Dialect dialect, std::uint64_t number) {
  return {.name = dialect == Dialect::kAnthropic ? "request-id" : "x-request-id",
          .value = "req_nearhit_" + std::to_string(number)};
}

std::vector<HttpHeader> EventStreamHeaders() {
  return {{.name = "content-type", .value = "text/event-stream; charset=utf-8"},
          {.name = "cache-control", .value = "no-cache"},
          {.name = "x-accel-buffering", .value = "no"}};
}

std::vector<HttpHeader> JsonHeaders() {
  return {{.name = "content-type", .value = "application/json"}};
}

}  // namespace

GatewayCall::GatewayCall(GatewayLoop* loop, HttpServerRequest request,
                         std::shared_ptr<HttpResponder> responder)
    : own_(loop),
      loop_(loop->loop),
      request_(std::make_shared<HttpServerRequest>(std::move(request))),
      responder_(std::move(responder)) {
}

void GatewayCall::Start() {
  if (request_->Header("upgrade") != nullptr) {
    SendError(501, "upgrades of the connection (WebSocket) are not supported; use HTTP requests");
    return;
  }
  route_ =
      RouteOf(request_->method, request_->path(), request_->Header("anthropic-version") != nullptr);
  api_ = ApiOf(route_.endpoint);
  responder_->SetGone([self = shared_from_this()] { self->LeaveFlight(); });
  if (const Status planned = Plan(); !planned.ok()) {
    SendError(400, planned.message());
    return;
  }
  reason_ = WhyNotCached();
  if (!reason_.empty()) {
    AskUpstream();
    return;
  }
  served_ = Served::kMiss;
  stores_ = true;
  scope_ = ScopeOf();
  const GatewayOptions& options = own_->shared->options;
  name_space_ = plan_.use == CacheUse::kSemantic ? options.name_space : options.exact_namespace;
  if (controls_.no_lookup) {
    reason_ = "no_cache";
    AskUpstream();
  } else {
    LookUp();
  }
}

// Errors: those of ReadControls.
Status GatewayCall::Plan() {
  if (route_.endpoint != Endpoint::kOther && route_.endpoint != Endpoint::kEmbeddings) {
    const GatewayOptions& options = own_->shared->options;
    plan_ = own_->planner.Plan(
        route_.endpoint, {.semantic_user_turns = options.semantic_user_turns}, &request_->body);
    if (plan_.cache.there) {
      request_->body = WithoutMember(request_->body, "cache");
    }
  }
  NEARHIT_ASSIGN_OR_RETURN(controls_, ReadControls(*request_, plan_.cache));
  return Status();
}

std::string_view GatewayCall::WhyNotCached() const {
  if (route_.endpoint == Endpoint::kOther || route_.endpoint == Endpoint::kEmbeddings) {
    return "endpoint";
  }
  if (plan_.use == CacheUse::kNone) {
    return plan_.reason;
  }
  if (controls_.most == CacheUse::kNone) {
    return "off";
  }
  if (controls_.no_store) {
    return "no_store";
  }
  const bool shared = own_->shared->options.isolation == Isolation::kShared;
  if (AsksForUserState(*request_) || (plan_.of_caller_only && shared)) {
    return "server_state";
  }
  return {};
}

// Readable in front, so that entries can be told apart and invalidated by scope; the digest has
// everything.
std::string GatewayCall::ScopeOf() const {
  const GatewayShared& shared = *own_->shared;
  std::string all;
  PutBytes(&all, route_.path);
  PutBytes(&all, request_->query());
  PutBytes(&all, HeadersOfScope(*request_));
  PutBytes(&all, controls_.name_space);
  if (shared.options.isolation == Isolation::kCaller) {
    const Digest caller = HmacSha256(shared.secret, CredentialOf(*request_));
    all.append(reinterpret_cast<const char*>(caller.data()), caller.size());
  }
  PutBytes(&all, plan_.canonical);
  return "gateway/1 " + std::string(EndpointName(route_.endpoint)) + " " + plan_.model + " " +
         ToHex(Sha256(all));
}

void GatewayCall::LookUp() {
  const GatewayShared& shared = *own_->shared;
  const auto deadline = std::chrono::steady_clock::now() +
                        std::chrono::milliseconds(shared.options.lookup_timeout_ms);
  LookupOptions options;
  options.exact_only = plan_.use == CacheUse::kExact || controls_.most == CacheUse::kExact;
  options.min_score = controls_.min_score;
  options.deadline = deadline;
  std::unique_ptr<PendingLookup> rest;
  Result<LookupResult> result =
      shared.core->TryLookup(name_space_, {.scope = scope_, .slot = plan_.slot}, options, &rest);
  if (result.status().code() == StatusCode::kWouldBlock) {
    LookUpOnWorker(std::move(rest), deadline);
  } else {
    OnLookup(std::move(result));
  }
}

void GatewayCall::LookUpOnWorker(std::shared_ptr<PendingLookup> rest,
                                 EventLoop::TimePoint deadline) {
  waits_for_lookup_ = true;
  const auto finish = [](const std::shared_ptr<GatewayCall>& self, Result<LookupResult> result) {
    if (std::exchange(self->waits_for_lookup_, false)) {
      self->loop_->Cancel(self->lookup_timer_);
      self->OnLookup(std::move(result));
    }
  };
  const Lane lane = ServiceCore::LaneOf(*rest);
  const Status queued = own_->shared->core->Submit(
      lane, {.deadline = deadline, .request_bytes = request_->body.size()},
      [self = shared_from_this(), rest, finish] {
        auto result = std::make_shared<Result<LookupResult>>(rest->Finish());
        self->loop_->Post([self, result, finish] { finish(self, std::move(*result)); });
      });
  if (!queued.ok()) {
    waits_for_lookup_ = false;
    OnLookup(queued);
    return;
  }
  lookup_timer_ = loop_->At(deadline, [self = shared_from_this(), finish] {
    finish(self, DeadlineExceeded("the lookup took too long"));
  });
}

void GatewayCall::OnLookup(Result<LookupResult> result) {
  if (responder_->gone()) {
    return;
  }
  if (!result.ok()) {
    result.status().IgnoreError();  // the cache is broken; the request is not
    reason_ = "cache_error";
  } else if (result->kind == HitKind::kMiss) {
    reason_ = MissReasonName(result->miss_reason);
  } else {
    reason_ = TryServe(*result);
    if (reason_.empty()) {
      return;
    }
  }
  if (result.ok()) {
    found_ = *std::move(result);
    found_.answer = std::string();
  }
  if (controls_.only_if_cached) {
    SendError(504, "nothing that may be served is cached (only-if-cached)");
    return;
  }
  AskUpstream();
}

std::string_view GatewayCall::TryServe(const LookupResult& hit) {
  if (hit.metadata.content_type != kStoredAnswerType) {
    return "foreign_entry";
  }
  if (controls_.max_age_ms && hit.age_ms > *controls_.max_age_ms) {
    return "max_age";
  }
  if (controls_.min_fresh_ms && hit.ttl_left_ms && *hit.ttl_left_ms < *controls_.min_fresh_ms) {
    return "min_fresh";
  }
  const Result<StoredAnswer> answer = DecodeAnswer(hit.answer);
  if (!answer.ok()) {
    return "read_error";
  }
  if (plan_.stream ? answer->events.empty() : answer->body.empty()) {
    return "wire_mode";
  }
  if (own_->shared->options.shadow) {
    return "shadow";
  }
  served_ = hit.kind == HitKind::kExact ? Served::kExact : Served::kSemantic;
  if (hit.kind == HitKind::kSemantic && MayHaveReasoning(hit.answer)) {
    return ServeWithoutReasoning(hit, *answer);
  }
  std::vector<HttpHeader> headers = plan_.stream ? EventStreamHeaders() : JsonHeaders();
  AddHit(hit, &headers);
  ServeStored(*answer, std::move(headers));
  return {};
}

// Thoughts about another prompt would come back as the model's own.
std::string_view GatewayCall::ServeWithoutReasoning(const LookupResult& hit,
                                                    const StoredAnswer& answer) {
  constexpr std::string_view kCannot = "reasoning";
  served_ = Served::kMiss;
  if (!api_ || answer.body.empty()) {
    return kCannot;
  }
  const Result<std::string> body = WithoutReasoning(*api_, answer.body);
  if (!body.ok()) {
    return kCannot;
  }
  StoredAnswer without{.body = *body};
  std::vector<std::string> blocks;
  if (plan_.stream) {
    auto cut = EventsFromBody(*api_, *body);
    if (!cut.ok()) {
      return kCannot;
    }
    blocks = *std::move(cut);
    without.events = EventsOf(*api_, blocks);
  }
  served_ = Served::kSemantic;
  std::vector<HttpHeader> headers = plan_.stream ? EventStreamHeaders() : JsonHeaders();
  AddHit(hit, &headers);
  ServeStored(without, std::move(headers));
  return {};
}

void GatewayCall::ServeStored(const StoredAnswer& answer, std::vector<HttpHeader> headers) {
  Count(served_);
  if (!plan_.stream) {
    responder_->Send(200, std::move(headers), std::string(answer.body));
    return;
  }
  std::string events;
  for (const StoredEvent& event : answer.events) {
    if (!event.usage_only || plan_.include_usage) {
      events += event.block;
    }
  }
  responder_->Begin(200, std::move(headers));
  responder_->End(events);
}

FlightRequest GatewayCall::MakeFlightRequest() const {
  FlightRequest flight;
  flight.route = route_;
  flight.api = api_;
  flight.request = request_;
  flight.model = plan_.model.empty() ? route_.deployment : plan_.model;
  flight.stream = plan_.stream;
  flight.may_ask_usage = !plan_.has_stream_options;
  if (stores_) {
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
                   .ttl_ms = controls_.ttl_ms,
                   .tool_calls = options.cache_tool_calls && plan_.use == CacheUse::kExact,
                   .max_bytes = options.max_answer_bytes};
  }
  return flight;
}

void GatewayCall::AskUpstream() {
  ++joins_;
  FlightRequest request = MakeFlightRequest();
  const std::uint64_t random = own_->shared->NextRandom();
  const GatewayShared::Place place =
      own_->shared->PlaceOf(request.key, {.loop = loop_, .table = own_->flights});
  const auto join = [self = shared_from_this(), random](FlightTable* table, FlightRequest wanted) {
    const FlightTable::Joined joined = table->Join(std::move(wanted), random);
    const FlightLog::Reader reader =
        joined.log->Join(self->loop_, joined.for_record, [self] { self->Pump(); });
    return [self, joined, reader] { self->OnJoined(joined, reader); };
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
  const Result<StoredAnswer> answer =
      record == nullptr ? Result<StoredAnswer>(Status(StatusCode::kNotFound, "not stored"))
                        : DecodeAnswer(*record);
  if (!answer.ok() || (plan_.stream ? answer->events.empty() : answer->body.empty())) {
    served_ = Served::kMiss;
    AskUpstream();
    return;
  }
  std::vector<HttpHeader> headers = plan_.stream ? EventStreamHeaders() : JsonHeaders();
  AddForwarded(200, &headers);
  ServeStored(*answer, std::move(headers));
}

void GatewayCall::PassOn() {
  const FlightLog::State state = flight_->state();  // before the pieces, so that kDone has all
  const bool again = !leads_ && joins_ < kMaxJoins && !passing_;
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
  if (again && IsFailure(flight_->head().status)) {
    AskAgain();
    return;
  }
  if (!passing_ && PassesAtOnce()) {
    BeginPassing();
  }
  std::string bytes;
  bool all = false;
  while (!all && responder_->unsent() + bytes.size() < kMaxUnsentBytes) {
    const std::optional<FlightPiece> piece = flight_->Next(reader_);
    all = !piece;
    if (piece && !(piece->usage_only && !plan_.include_usage)) {
      (passing_ ? bytes : whole_) += *piece->bytes;
    }
    if (!passing_ && whole_.size() > kMaxWholeBytes) {
      BeginPassing();
      bytes = std::exchange(whole_, std::string());
    }
  }
  if (passing_ && !bytes.empty()) {
    responder_->Write(bytes);
  }
  if (flight_ == nullptr) {
    return;  // the client has gone
  }
  if (!all) {
    responder_->SetDrained([self = shared_from_this()] { self->Pump(); });
  } else if (state == FlightLog::State::kDone || state == FlightLog::State::kFailed) {
    EndPassing(state);
  }
}

// A stream, and whatever comes in pieces from an endpoint that is not known.
bool GatewayCall::PassesAtOnce() const {
  const std::vector<HttpHeader>& headers = flight_->head().headers;
  return std::any_of(headers.begin(), headers.end(), [this](const HttpHeader& header) {
    return (header.name == "content-type" && header.value.starts_with("text/event-stream")) ||
           (header.name == "transfer-encoding" && !api_);
  });
}

void GatewayCall::BeginPassing() {
  passing_ = true;
  Count(served_);
  const HttpHead& head = flight_->head();
  std::vector<HttpHeader> headers = HeadersForClient(head.headers);
  AddForwarded(head.status, &headers);
  responder_->Begin(static_cast<int>(head.status), std::move(headers));
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
  served_ = Served::kMiss;
  whole_ = std::string();
  AskUpstream();
}

void GatewayCall::LeaveFlight() {
  if (const std::shared_ptr<FlightLog> flight = std::exchange(flight_, nullptr)) {
    flight->Leave(reader_);
  }
}

void GatewayCall::SendError(int status, std::string_view message) {
  Count(Served::kError);
  std::vector<HttpHeader> headers = JsonHeaders();
  const HttpHeader id = NewRequestId(route_.dialect, own_->shared->NextRandom());
  headers.push_back(id);
  headers.push_back({.name = "x-nearhit-status", .value = "error"});
  const Api api =
      api_.value_or(route_.dialect == Dialect::kAnthropic ? Api::kMessages : Api::kChat);
  responder_->Send(status, std::move(headers), ErrorBody(api, status, message, id.value));
}

// RFC 9211.
void GatewayCall::AddForwarded(long upstream_status, std::vector<HttpHeader>* headers) const {
  std::string status = "nearhit; fwd=";
  status += served_ == Served::kBypass ? "bypass" : reason_ == "no_cache" ? "request" : "uri-miss";
  status += "; fwd-status=" + std::to_string(upstream_status);
  status += served_ == Served::kCoalesced ? "; collapsed" : "";
  if (!reason_.empty()) {
    status += "; detail=" + std::string(reason_);
    headers->push_back({.name = "x-nearhit-reason", .value = std::string(reason_)});
  }
  headers->push_back({.name = "cache-status", .value = std::move(status)});
  headers->push_back({.name = "x-nearhit-status",
                      .value = std::string(kServedNames[static_cast<std::size_t>(served_)])});
  if (found_.score) {
    headers->push_back({.name = "x-nearhit-similarity", .value = Score(*found_.score)});
  }
}

void GatewayCall::AddHit(const LookupResult& hit, std::vector<HttpHeader>* headers) const {
  const bool exact = hit.kind == HitKind::kExact;
  std::string status = "nearhit; hit";
  if (hit.ttl_left_ms) {
    status += "; ttl=" + std::to_string(*hit.ttl_left_ms / 1'000);
  }
  status += exact ? "; detail=exact" : "; detail=semantic";
  headers->push_back({.name = "cache-status", .value = std::move(status)});
  headers->push_back({.name = "age", .value = std::to_string(hit.age_ms / 1'000)});
  headers->push_back({.name = "x-nearhit-status", .value = exact ? "exact" : "semantic"});
  headers->push_back({.name = "x-nearhit-similarity", .value = Score(hit.score.value_or(1))});
  headers->push_back({.name = "x-nearhit-entry-id", .value = std::to_string(hit.id.value)});
  if (!plan_.reason.empty()) {
    headers->push_back({.name = "x-nearhit-reason", .value = std::string(plan_.reason)});
  }
  headers->push_back(NewRequestId(route_.dialect, own_->shared->NextRandom()));
}

void GatewayCall::Count(Served how) {
  own_->shared->served[static_cast<std::size_t>(how)].fetch_add(1, std::memory_order_relaxed);
}

}  // namespace nearhit::server
