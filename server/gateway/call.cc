#include "server/gateway/call.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "server/dialect/digest.h"
#include "server/dialect/json_edit.h"
#include "server/gateway/delivery.h"
#include "server/gateway/headers.h"
#include "server/gateway/own_api.h"
#include "server/gateway/scope.h"

namespace nearhit::server {
namespace {

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

// Times that a request waits for others that mean the same.
constexpr int kMaxMeetings = 3;

bool MayHaveReasoning(std::string_view text) {
  return text.find("reasoning") != std::string_view::npos ||
         text.find("thinking") != std::string_view::npos;
}

}  // namespace

GatewayCall::GatewayCall(GatewayLoop* loop, HttpServerRequest request,
                         std::shared_ptr<HttpResponder> responder)
    : own_(loop),
      loop_(loop->loop),
      request_(std::make_shared<HttpServerRequest>(std::move(request))),
      request_id_("req_" + RandomHex(12)),
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
  caller_ = own_->shared->CallerTagOf(*request_);
  scope_ = ScopeOfRequest({.route = route_,
                           .request = *request_,
                           .controls = controls_,
                           .caller = caller_,
                           .model = plan_.model,
                           .canonical = plan_.canonical});
  const GatewayOptions& options = own_->shared->options;
  name_space_ = plan_.use == CacheUse::kSemantic ? options.name_space : options.exact_namespace;
  compares_ = own_->shared->DrawsSample() && (options.shadow || !controls_.only_if_cached);
  if (controls_.no_lookup) {
    reason_ = "no_cache";
    AskUpstream();
  } else {
    LookUp();
  }
}

void GatewayCall::Forward(Order order) {
  route_ = order.flight.route;
  served_ = order.served;
  reason_ = order.reason;
  order_ = std::move(order);
  responder_->SetGone([self = shared_from_this()] { self->LeaveFlight(); });
  AskUpstream();
}

// Errors: those of ReadControls.
Status GatewayCall::Plan() {
  if (route_.endpoint != Endpoint::kOther) {
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
  if (route_.endpoint == Endpoint::kOther) {
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

void GatewayCall::LookUp() {
  const GatewayShared& shared = *own_->shared;
  looked_up_ = std::chrono::steady_clock::now();
  const auto deadline = looked_up_ + std::chrono::milliseconds(shared.options.lookup_timeout_ms);
  LookupOptions options;
  options.exact_only = plan_.use == CacheUse::kExact || controls_.most == CacheUse::kExact;
  options.min_score = controls_.min_score;
  options.deadline = deadline;
  std::unique_ptr<PendingLookup> pending;
  Result<LookupResult> result =
      shared.core->TryLookup(name_space_, {.scope = scope_, .slot = plan_.slot}, options, &pending);
  if (result.status().code() != StatusCode::kWouldBlock) {
    OnLookup(std::move(result));
    return;
  }
  const std::shared_ptr<PendingLookup> rest = std::move(pending);
  DoOnWorker(
      ServiceCore::LaneOf(*rest),
      [self = shared_from_this(), rest] {
        auto found = std::make_shared<Result<LookupResult>>(rest->Finish());
        return [self, found] { self->OnLookup(std::move(*found)); };
      },
      [self = shared_from_this()] {
        self->OnLookup(DeadlineExceeded("the lookup took too long"));
      });
}

// Does `work` on a worker and then, on the loop, what it gives; `late` instead when no worker has
// done it until the deadline of lookups.
void GatewayCall::DoOnWorker(Lane lane, std::function<std::function<void()>()> work,
                             std::function<void()> late) {
  ServiceCore* const core = own_->shared->core;
  const auto deadline =
      looked_up_ + std::chrono::milliseconds(own_->shared->options.lookup_timeout_ms);
  const CallContext context{.deadline = deadline, .request_bytes = request_->body.size()};
  const std::uint64_t wait = ++waits_;
  const auto finish = [self = shared_from_this(), wait](const std::function<void()>& then) {
    if (self->waits_ == wait) {
      ++self->waits_;
      self->loop_->Cancel(self->lookup_timer_);
      then();
    }
  };
  const Status queued = core->Submit(
      lane, context, [loop = loop_, core, context, work = std::move(work), finish]() mutable {
        std::function<void()> then;
        if (core->CheckWanted(context).ok()) {
          then = work();
        }
        // The loop's thread is the last to have the call.
        loop->Post([finish = std::move(finish), work = std::move(work), then = std::move(then)] {
          if (then) {
            finish(then);
          }
        });
      });
  if (queued.ok()) {
    lookup_timer_ = loop_->At(deadline, [finish, late = std::move(late)] { finish(late); });
  } else {
    finish(late);
  }
}

void GatewayCall::OnLookup(Result<LookupResult> result) {
  if (responder_->gone()) {
    return;
  }
  shadowed_.clear();  // of an earlier lookup
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
  const bool meets = MayMeetNear(result);
  if (result.ok()) {
    found_ = *std::move(result);
    found_.answer = std::string();
    if (found_.score) {
      own_->shared->metrics.CountSimilarity(false, *found_.score);
    }
  }
  if (controls_.only_if_cached) {
    SendError(504, "nothing that may be served is cached (only-if-cached)");
    return;
  }
  if (meets) {
    MeetNear();
  } else {
    AskUpstream();
  }
}

bool GatewayCall::MayMeetNear(const Result<LookupResult>& result) const {
  const GatewayOptions& options = own_->shared->options;
  if (options.coalesce_threshold == 0 || options.shadow || plan_.use != CacheUse::kSemantic ||
      controls_.most != CacheUse::kSemantic || meetings_ == kMaxMeetings || !result.ok()) {
    return false;
  }
  // With other reasons the prompt has no vector.
  const MissReason reason = result->miss_reason;
  return reason == MissReason::kEmpty || reason == MissReason::kBelowThreshold ||
         reason == MissReason::kExpired || reason == MissReason::kGuarded ||
         reason == MissReason::kOverBudget;
}

// Waits for a prompt that is upstream and means the same, and looks up again; or asks upstream, and
// others wait. Without a vector it only asks.
void GatewayCall::MeetNear() {
  ++meetings_;
  const std::shared_ptr<GatewayCall> self = shared_from_this();
  ServiceCore* const core = own_->shared->core;
  const auto near = own_->shared->near;
  const float threshold =
      std::max(own_->shared->options.coalesce_threshold, controls_.min_score.value_or(0));
  const auto deadline =
      looked_up_ + std::chrono::milliseconds(own_->shared->options.lookup_timeout_ms);
  const auto awaited = std::make_shared<bool>(true);  // the loop's thread
  const auto wake = [self, awaited] {
    if (std::exchange(*awaited, false)) {
      ++self->waits_;
      self->loop_->Cancel(self->lookup_timer_);
      self->LookUp();
    }
  };
  DoOnWorker(
      core->LaneOf(name_space_, true),
      [self, core, near, threshold, deadline, wake]() -> std::function<void()> {
        const std::string_view text = self->plan_.slot;
        const Result<Embeddings> made = core->Embed(self->name_space_, {&text, 1}, deadline);
        NearFlights::Joined joined;
        if (made.ok() && !made->vectors.front().empty()) {
          joined =
              near->Join({.scope = self->scope_,
                          .slot = text,
                          .vector = made->vectors.front(),
                          .threshold = threshold,
                          .looked_up = self->looked_up_},
                         [loop = self->loop_, wake]() mutable { loop->Post(std::move(wake)); });
        }
        return [self, joined] {
          self->lead_ = joined.lead;
          if (!joined.waits) {
            self->AskUpstream();
          }
        };
      },
      [self, awaited] {
        *awaited = false;
        self->AskUpstream();
      });
}

std::string_view GatewayCall::TryServe(const LookupResult& hit) {
  if (hit.metadata.content_type != kStoredAnswerType) {
    return hit.metadata.content_type == kVetoType ? "feedback" : "foreign_entry";
  }
  if (controls_.max_age_ms && hit.age_ms > *controls_.max_age_ms) {
    return "max_age";
  }
  if (controls_.min_fresh_ms && hit.ttl_left_ms && *hit.ttl_left_ms < *controls_.min_fresh_ms) {
    return "min_fresh";
  }
  Result<StoredAnswer> answer = DecodeAnswer(hit.answer);
  if (!answer.ok()) {
    return "read_error";
  }
  MadeForm made;
  if (!AddForm(api_, plan_.stream, &*answer, &made).ok()) {
    return "wire_mode";
  }
  const bool shadow = own_->shared->options.shadow;
  if (compares_ && (shadow || HadSomethingNear(hit))) {
    shadowed_ = hit.answer;
    return shadow ? "shadow" : "sampled";
  }
  served_ = hit.kind == HitKind::kExact ? Served::kExact : Served::kSemantic;
  if (hit.kind == HitKind::kSemantic && MayHaveReasoning(hit.answer)) {
    return ServeWithoutReasoning(hit, *answer);
  }
  ServeHit(hit, *answer);
  return {};
}

void GatewayCall::ServeHit(const LookupResult& hit, const StoredAnswer& answer) {
  GatewayMetrics& metrics = own_->shared->metrics;
  metrics.CountSimilarity(true, hit.score.value_or(1));
  metrics.CountSaved({.input_tokens = hit.metadata.prompt_tokens,
                      .output_tokens = hit.metadata.answer_tokens,
                      .usd = hit.metadata.cost,
                      .price = own_->shared->prices->NameOf(hit.metadata.model, answer.model),
                      .time = std::chrono::milliseconds(answer.took_ms)});
  reason_ = plan_.reason;
  served_entry_ = hit.id;
  std::vector<HttpHeader> headers = OwnHeaders(plan_.stream);
  AddHit(hit, &headers);
  ServeStored(answer, std::move(headers));
}

// Thoughts about another prompt would come back as the model's own.
std::string_view GatewayCall::ServeWithoutReasoning(const LookupResult& hit, StoredAnswer answer) {
  constexpr std::string_view kCannot = "reasoning";
  served_ = Served::kMiss;
  MadeForm made;
  if (!AddForm(api_, false, &answer, &made).ok()) {
    return kCannot;
  }
  const Result<std::string> body = WithoutReasoning(*api_, answer.body);
  if (!body.ok()) {
    return kCannot;
  }
  StoredAnswer without{
      .body = *body, .model = answer.model, .took_ms = answer.took_ms, .converts = true};
  MadeForm made_without;
  if (!AddForm(api_, plan_.stream, &without, &made_without).ok()) {
    return kCannot;
  }
  served_ = Served::kSemantic;
  ServeHit(hit, without);
  return {};
}

void GatewayCall::ServeStored(const StoredAnswer& answer, std::vector<HttpHeader> headers) {
  const GatewayOptions& options = own_->shared->options;
  const bool hit = served_ == Served::kExact || served_ == Served::kSemantic;
  Count(served_);
  Deliver(answer,
          {.api = api_,
           .stream = plan_.stream,
           .include_usage = plan_.include_usage,
           .zero_usage = hit && options.hit_usage == HitUsage::kZero,
           .pauses = hit && options.replay == ReplayMode::kRecorded},
          std::move(headers), responder_);
}

void GatewayCall::Count(Served how) {
  own_->shared->metrics.CountRequest(route_.endpoint, how, reason_,
                                     std::chrono::steady_clock::now() - arrived_);
  if (stores_ && how != Served::kError) {
    own_->shared->recent.Add(request_id_, {.endpoint = route_.endpoint,
                                           .served = how,
                                           .reason = reason_,
                                           .name_space = name_space_,
                                           .scope = scope_,
                                           .slot = plan_.slot,
                                           .model = plan_.model,
                                           .exact_only = plan_.use == CacheUse::kExact ||
                                                         controls_.most == CacheUse::kExact,
                                           .min_score = controls_.min_score,
                                           .entry = served_entry_,
                                           .principal = own_->shared->PrincipalOf(*request_)});
  }
}

}  // namespace nearhit::server
