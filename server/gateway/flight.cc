#include "server/gateway/flight.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "server/dialect/json_edit.h"
#include "server/dialect/usage.h"
#include "server/gateway/headers.h"
#include "server/gateway/stored_answer.h"

namespace nearhit::server {
namespace {

constexpr std::size_t kMaxAttempts = 3;  // to have an answer begin
constexpr std::string_view kAskUsage = "\"stream_options\":{\"include_usage\":true}";

bool IsEventStream(const HttpHead& head) {
  return std::any_of(head.headers.begin(), head.headers.end(), [](const HttpHeader& header) {
    return header.name == "content-type" && header.value.starts_with("text/event-stream");
  });
}

// For callers, who need not know where the providers are.
std::string FailureText(HttpOutcome outcome) {
  switch (outcome) {
    case HttpOutcome::kTimeout:
      return "the provider was silent for too long";
    case HttpOutcome::kConnection:
      return "the connection to the provider failed";
    default:
      return "the provider's answer could not be read";
  }
}

bool SaysFinished(Api api, const SseEvent& event) {
  if (api != Api::kChat && api != Api::kCompletions) {
    return false;
  }
  return event.data.find("\"finish_reason\":\"") != std::string::npos ||
         event.data.find("\"finish_reason\": \"") != std::string::npos;
}

std::uint32_t Milliseconds(std::chrono::steady_clock::duration time) {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

}  // namespace

Flight::Flight(const FlightHost& host, std::shared_ptr<EventLoop> loop, FlightTable* table,
               FlightRequest request)
    : host_(host),
      loop_(std::move(loop)),
      table_(table),
      request_(std::move(request)),
      body_(request_.request, &request_.request->body),
      log_(std::make_shared<FlightLog>(loop_, !request_.key.empty())) {
  host_.flying->fetch_add(1, std::memory_order_relaxed);
}

Flight::~Flight() {
  host_.flying->fetch_sub(1, std::memory_order_relaxed);
  if (exchange_ != nullptr) {
    table_->client()->Cancel(exchange_);
  }
}

void Flight::Start(std::uint64_t random) {
  log_->SetRelieved([weak = weak_from_this()] {
    if (const std::shared_ptr<Flight> self = weak.lock()) {
      self->OnRelieved();
    }
  });
  upstreams_ = host_.upstreams->For(request_.route.dialect, request_.model, random, loop_->now());
  if (!TryNext()) {
    loop_->Post([self = shared_from_this()] { self->Fail("no provider takes this model"); });
  }
}

void Flight::Adopt(std::function<void(const std::string* record)> review) {
  if (request_.store && !request_.store->review && !has_landed()) {
    request_.store->review = std::move(review);
  }
}

bool Flight::TryNext() {
  if (tried_ == std::min(upstreams_.size(), kMaxAttempts)) {
    return false;
  }
  const Upstream& upstream = *upstreams_[tried_++];
  const UpstreamOptions& options = upstream.options();
  const std::string_view query = request_.request->query();
  AsyncHttpRequest call;
  call.method = request_.request->method;
  call.url = upstream.UrlOf(request_.route.path + (query.empty() ? "" : "?" + std::string(query)));
  call.headers = HeadersForUpstream(*request_.request, request_.route, upstream.api_key());
  call.body = BodyFor(upstream);
  call.connect_timeout = std::chrono::milliseconds(options.connect_timeout_ms);
  call.first_byte_timeout = std::chrono::milliseconds(options.first_byte_timeout_ms);
  call.idle_timeout = std::chrono::milliseconds(options.idle_timeout_ms);
  asked_usage_ = call.body != body_;
  asked_ = std::chrono::steady_clock::now();
  exchange_ = table_->client()->Start(std::move(call), this);
  return true;
}

std::shared_ptr<const std::string> Flight::BodyFor(const Upstream& upstream) const {
  const bool has_usage = request_.api == Api::kChat || request_.api == Api::kCompletions;
  return has_usage && request_.stream && request_.may_ask_usage && upstream.options().ask_usage
             ? std::make_shared<const std::string>(WithMember(*body_, kAskUsage))
             : body_;
}

void Flight::OnHead(HttpHead head) {
  const bool failed = IsUpstreamFailure(head.status);
  Upstream& upstream = *upstreams_[tried_ - 1];
  upstream.Report(failed, loop_->now());
  host_.metrics->CountUpstream(upstream.options().name, head.status,
                               std::chrono::steady_clock::now() - asked_);
  if (failed && tried_ < std::min(upstreams_.size(), kMaxAttempts)) {
    table_->client()->Cancel(std::exchange(exchange_, nullptr));
    TryNext();
    return;
  }
  is_stream_ = request_.api && IsEventStream(head);
  recording_ = request_.store && head.status == 200;
  last_event_ = loop_->now();
  if (!recording_) {
    table_->Retire(this);
  }
  log_->SetHead(std::move(head));
}

bool Flight::OnBody(std::string_view bytes) {
  if (log_->IsFull()) {
    paused_ = true;
    return false;
  }
  if (!is_stream_) {
    if (recording_) {
      whole_ += bytes;
    }
    log_->Append({.bytes = std::make_shared<const std::string>(bytes)});
    Record(bytes.size());
    return true;
  }
  const Status fed = parser_.Feed(
      bytes, [this](const SseEvent& event, std::string_view raw) { OnEvent(event, raw); });
  if (!fed.ok()) {
    table_->client()->Cancel(std::exchange(exchange_, nullptr));
    Fail("the provider sent an event that is too large");
  }
  return true;
}

void Flight::OnEvent(const SseEvent& event, std::string_view raw) {
  const EventRole role = RoleOf(*request_.api, event);
  terminal_ = terminal_ || role == EventRole::kTerminal;
  finished_ =
      finished_ || terminal_ || role == EventRole::kError || SaysFinished(*request_.api, event);
  FlightPiece piece{.bytes = std::make_shared<const std::string>(raw),
                    .usage_only = asked_usage_ && role == EventRole::kUsageOnly};
  if (recording_ && !event.data.empty()) {
    const auto delay = loop_->now() - last_event_;
    last_event_ = loop_->now();
    events_.push_back(event);
    blocks_.push_back({.bytes = piece.bytes, .usage_only = role == EventRole::kUsageOnly});
    delays_ms_.push_back(Milliseconds(delay));
  }
  if (asked_usage_) {
    piece.bytes =
        std::make_shared<const std::string>(BlockWithoutNullUsage(*request_.api, *piece.bytes));
  }
  log_->Append(std::move(piece));
  Record(raw.size());
}

// What is too large to be stored is not kept for late readers either.
void Flight::Record(std::size_t bytes) {
  recorded_bytes_ += bytes;
  if (recording_ && recorded_bytes_ > request_.store->max_bytes) {
    StopRecording();
    table_->Retire(this);
  }
}

void Flight::StopRecording() {
  recording_ = false;
  whole_ = std::string();
  events_.clear();
  blocks_.clear();
  delays_ms_.clear();
}

void Flight::OnEnd(HttpEnd end) {
  const std::shared_ptr<Flight> self = shared_from_this();
  exchange_ = nullptr;
  if (end.outcome != HttpOutcome::kAnswered) {
    const bool begun = log_->state() != FlightLog::State::kWaiting;
    if (!begun) {
      upstreams_[tried_ - 1]->Report(true, loop_->now());
      if (TryNext()) {
        return;
      }
    }
    Fail(FailureText(end.outcome));
    return;
  }
  if (is_stream_ && !finished_) {
    Fail("the provider ended the answer early");
    return;
  }
  took_ms_ = Milliseconds(std::chrono::steady_clock::now() - asked_);
  log_->End(FlightLog::State::kDone, "");
  if (recording_) {
    StoreInBackground();
  } else {
    log_->SetRecord(nullptr);
    table_->Remove(this);
  }
}

void Flight::OnRelieved() {
  const std::shared_ptr<Flight> self = shared_from_this();
  if (exchange_ == nullptr) {
    return;
  }
  // A client may go once it has the last event, which is before the end of the answer's bytes.
  if (log_->readers() == 0 && !terminal_) {
    table_->client()->Cancel(std::exchange(exchange_, nullptr));
    Fail("nobody waits for the answer");
  } else if (paused_ && !log_->IsFull()) {
    paused_ = false;
    table_->client()->Resume(exchange_);
  }
}

// Readers that try again must not find this flight: it leaves the table first.
void Flight::Fail(const std::string& reason) {
  StopRecording();
  table_->Retire(this);
  log_->SetRecord(nullptr);
  log_->End(FlightLog::State::kFailed, reason);
  table_->Remove(this);
}

// Requests that come until the entry is stored still join this flight.
void Flight::StoreInBackground() {
  const Lane lane = host_.core->LaneOf(request_.store->name_space, true);
  const Status queued = host_.core->Submit(lane, CallContext(), [self = shared_from_this()] {
    AnswerFacts facts;
    std::shared_ptr<const std::string> record = self->MakeRecord(&facts);
    if (record != nullptr) {
      self->Store(*record, facts);
    }
    if (self->request_.store->review) {
      self->request_.store->review(record.get());
    }
    self->loop_->Post([self, record = std::move(record)]() mutable {
      if (record != nullptr) {
        self->table_->RetireStored(self.get());
      } else {
        self->table_->Retire(self.get());
      }
      self->log_->SetRecord(std::move(record));
      self->table_->Remove(self.get());
    });
  });
  if (!queued.ok()) {  // the answer is not stored, and nobody waits for that
    host_.metrics->CountUnstored();
    table_->Retire(this);
    log_->SetRecord(nullptr);
    table_->Remove(this);
  }
}

std::shared_ptr<const std::string> Flight::MakeRecord(AnswerFacts* facts) const {
  const StoreOrder& order = *request_.store;
  StoredAnswer answer;
  if (request_.api) {
    *facts =
        is_stream_ ? InspectEvents(*request_.api, events_) : InspectBody(*request_.api, whole_);
    const bool tool_call = facts->refusal_to_store == "tool_call" && order.tool_calls;
    if (!facts->refusal_to_store.empty() && !tool_call) {
      return nullptr;
    }
  }
  answer.body = whole_;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    answer.events.push_back({.block = *blocks_[i].bytes,
                             .usage_only = blocks_[i].usage_only,
                             .delay_ms = delays_ms_[i]});
  }
  answer.converts = facts->text_only;
  MadeForm made;
  if (recorded_bytes_ > kMaxConvertedBytes) {
    AddForm(request_.api, !is_stream_, &answer, &made).IgnoreError();
  }
  answer.model = facts->model;
  answer.took_ms = took_ms_;
  std::string record = EncodeAnswer(answer);
  return record.size() > order.max_bytes * 2
             ? nullptr
             : std::make_shared<const std::string>(std::move(record));
}

// An answer that cannot be stored was given all the same.
void Flight::Store(const std::string& record, const AnswerFacts& facts) const {
  const StoreOrder& order = *request_.store;
  if (order.store_items) {
    if (const std::optional<Charge> charge = order.store_items(whole_)) {
      host_.metrics->CountCost(charge->price, charge->usd);
    }
    return;
  }
  auto cache = host_.core->db().Cache(order.name_space);
  if (!cache.ok()) {
    host_.metrics->CountUnstored();
    return;
  }
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  StoreRequest request;
  request.prompt = {.scope = order.scope, .slot = order.slot};
  request.answer = record;
  request.metadata.content_type = kStoredAnswerType;
  request.metadata.model = order.model;
  request.metadata.prompt_tokens = static_cast<std::uint32_t>(std::min(facts.usage.input, kMost));
  request.metadata.answer_tokens = static_cast<std::uint32_t>(std::min(facts.usage.output, kMost));
  const Charge charge = host_.prices->ChargeFor(order.model, facts.model, facts.usage);
  request.metadata.cost = charge.usd;
  if (!order.caller.empty()) {
    request.metadata.tags.push_back(order.caller);
  }
  request.ttl_ms = order.ttl_ms;
  const Status stored = (*cache)->Store(request).status();
  if (stored.ok()) {
    host_.metrics->CountStored();
    host_.metrics->CountCost(charge.price, charge.usd);
  } else {
    host_.metrics->CountUnstored();
  }
}

}  // namespace nearhit::server
