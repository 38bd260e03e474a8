#include "server/gateway/embeddings_call.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "server/dialect/digest.h"
#include "server/dialect/json_edit.h"
#include "server/gateway/embedding_entry.h"
#include "server/gateway/headers.h"
#include "server/gateway/scope.h"

namespace nearhit::server {
namespace {

// Inputs that are looked up one by one on the loop's thread, as long as no lookup has to wait.
constexpr std::size_t kMaxInlineItems = 64;
// Bytes of vectors that are rendered there.
constexpr std::size_t kMaxInlineBytes = std::size_t{24} << 10;

}  // namespace

EmbeddingsCall::EmbeddingsCall(GatewayLoop* loop, HttpServerRequest request,
                               std::shared_ptr<HttpResponder> responder)
    : own_(loop),
      loop_(loop->loop),
      request_(std::make_shared<HttpServerRequest>(std::move(request))),
      responder_(std::move(responder)) {
}

void EmbeddingsCall::Start() {
  route_ = RouteOf(request_->method, request_->path(), false);
  plan_ = own_->embeddings_planner.Plan(&request_->body);
  if (plan_.cache.there) {
    request_->body = WithoutMember(request_->body, "cache");
  }
  Result<CacheControls> controls = ReadControls(*request_, plan_.cache);
  if (!controls.ok()) {
    std::make_shared<GatewayCall>(own_, HttpServerRequest(), responder_)
        ->SendError(400, controls.status().message());
    return;
  }
  controls_ = *std::move(controls);
  if (const std::string_view reason = WhyNotCached(); !reason.empty()) {
    AskForAll(Served::kBypass, reason);
    return;
  }
  caller_ = own_->shared->CallerTagOf(*request_);
  scope_ = ScopeOfRequest({.route = route_,
                           .request = *request_,
                           .controls = controls_,
                           .caller = caller_,
                           .model = plan_.model,
                           .canonical = plan_.canonical});
  if (controls_.no_lookup) {
    AskForAll(Served::kMiss, "no_cache");
  } else {
    LookUp();
  }
}

std::string_view EmbeddingsCall::WhyNotCached() const {
  if (!plan_.reason.empty()) {
    return plan_.reason;
  }
  if (controls_.most == CacheUse::kNone) {
    return "off";
  }
  return controls_.no_store ? "no_store" : std::string_view();
}

void EmbeddingsCall::LookUp() {
  const GatewayShared& shared = *own_->shared;
  const auto deadline = std::chrono::steady_clock::now() +
                        std::chrono::milliseconds(shared.options.lookup_timeout_ms);
  found_.reserve(plan_.slots.size());
  if (plan_.slots.size() <= kMaxInlineItems) {
    for (const std::string& slot : plan_.slots) {
      std::unique_ptr<PendingLookup> rest;
      Result<LookupResult> result =
          shared.core->TryLookup(shared.options.exact_namespace, {.scope = scope_, .slot = slot},
                                 {.deadline = deadline, .exact_only = true}, &rest);
      if (result.status().code() == StatusCode::kWouldBlock) {
        break;
      }
      if (!result.ok()) {
        result.status().IgnoreError();  // the cache is broken; the request is not
        AskForAll(Served::kMiss, "cache_error");
        return;
      }
      found_.push_back(*std::move(result));
    }
  }
  if (found_.size() == plan_.slots.size()) {
    Decide();
  } else {
    LookUpOnWorker(found_.size(), deadline);
  }
}

void EmbeddingsCall::LookUpOnWorker(std::size_t first, EventLoop::TimePoint deadline) {
  using Found = Result<std::vector<LookupResult>>;
  waits_for_lookup_ = true;
  const auto finish = [](const std::shared_ptr<EmbeddingsCall>& self, Found found) {
    if (std::exchange(self->waits_for_lookup_, false)) {
      self->loop_->Cancel(self->lookup_timer_);
      self->OnLookups(std::move(found));
    } else {
      found.status().IgnoreError();
    }
  };
  ServiceCore* const core = own_->shared->core;
  const CallContext context{.deadline = deadline, .request_bytes = request_->body.size()};
  Status queued = core->Submit(
      Lane::kStorage, context,
      [self = shared_from_this(), core, context, first, finish,
       name_space = own_->shared->options.exact_namespace]() mutable {
        if (!core->CheckWanted(context).ok()) {
          return;  // the timer has ended the lookup, or is about to
        }
        std::vector<Prompt> prompts;
        for (std::size_t i = first; i < self->plan_.slots.size(); ++i) {
          prompts.push_back({.scope = self->scope_, .slot = self->plan_.slots[i]});
        }
        auto found = std::make_shared<Found>(core->LookupBatch(
            name_space, prompts, {.deadline = context.deadline, .exact_only = true}, context));
        const std::shared_ptr<EventLoop> loop = self->loop_;
        loop->Post([self = std::move(self), found, finish] { finish(self, std::move(*found)); });
      });
  if (!queued.ok()) {
    waits_for_lookup_ = false;
    OnLookups(std::move(queued));
    return;
  }
  lookup_timer_ = loop_->At(deadline, [self = shared_from_this(), finish] {
    finish(self, DeadlineExceeded("the lookup took too long"));
  });
}

void EmbeddingsCall::OnLookups(Result<std::vector<LookupResult>> found) {
  if (!found.ok()) {
    found.status().IgnoreError();  // the cache is broken; the request is not
  }
  if (responder_->gone()) {
    return;
  }
  if (!found.ok()) {
    AskForAll(Served::kMiss, "cache_error");
    return;
  }
  std::move(found->begin(), found->end(), std::back_inserter(found_));
  Decide();
}

void EmbeddingsCall::Decide() {
  for (LookupResult& found : found_) {
    const std::string_view reason = WhyNotServed(found);
    if (found.kind == HitKind::kExact && reason.empty()) {
      ++hits_;
      hit_bytes_ += found.answer.size();
    } else {
      found.kind = HitKind::kMiss;
      reason_ = reason.empty() ? reason_ : reason;
    }
  }
  if (hits_ > 0 && own_->shared->options.shadow) {
    reason_ = "shadow";
  } else if (!HitsAgree()) {
    reason_ = "model_changed";
  } else if (hits_ == found_.size()) {
    ServeHits();
    return;
  } else if (hits_ > 0 && !controls_.only_if_cached) {
    AskForMissing();
    return;
  }
  if (controls_.only_if_cached) {
    std::make_shared<GatewayCall>(own_, HttpServerRequest(), responder_)
        ->SendError(504, "not all that is asked for may be served from the cache (only-if-cached)");
  } else {
    AskForAll(Served::kMiss, reason_);
  }
}

// Empty for a plain miss.
std::string_view EmbeddingsCall::WhyNotServed(const LookupResult& found) const {
  if (found.kind != HitKind::kExact) {
    const bool plain =
        found.miss_reason != MissReason::kExpired && found.miss_reason != MissReason::kReadError;
    return plain ? std::string_view() : MissReasonName(found.miss_reason);
  }
  if (!IsEmbedding(found)) {
    return "foreign_entry";
  }
  if (controls_.max_age_ms && found.age_ms > *controls_.max_age_ms) {
    return "max_age";
  }
  if (controls_.min_fresh_ms && found.ttl_left_ms && *found.ttl_left_ms < *controls_.min_fresh_ms) {
    return "min_fresh";
  }
  return {};
}

// Vectors of two models mean nothing to each other: a name may move on to another model.
bool EmbeddingsCall::HitsAgree() const {
  const LookupResult* first = nullptr;
  for (const LookupResult& found : found_) {
    if (found.kind != HitKind::kExact) {
      continue;
    }
    first = first == nullptr ? &found : first;
    if (found.answer.size() != first->answer.size() ||
        AnsweringModel(found.metadata) != AnsweringModel(first->metadata)) {
      return false;
    }
  }
  return true;
}

void EmbeddingsCall::ServeHits() {
  auto body = std::make_shared<std::string>();
  Work(
      hit_bytes_,
      [self = shared_from_this(), body] {
        std::vector<std::string_view> vectors;
        for (const LookupResult& found : self->found_) {
          vectors.push_back(found.answer);
        }
        *body = RenderEmbeddings(
            {.vectors = vectors, .model = AnsweringModel(self->found_.front().metadata)},
            self->plan_.encoding);
      },
      [self = shared_from_this(), body] {
        self->own_->shared->metrics.CountRequest(Endpoint::kEmbeddings, Served::kExact, "",
                                                 std::chrono::steady_clock::now() - self->arrived_);
        std::vector<HttpHeader> headers = self->HitHeaders();
        AddSavedUsd(self->CountSaved(), &headers);
        self->responder_->Send(200, std::move(headers), std::move(*body));
      });
}

std::vector<HttpHeader> EmbeddingsCall::HitHeaders() const {
  std::int64_t age_ms = 0;  // of the oldest
  std::optional<std::int64_t> ttl_left_ms;
  for (const LookupResult& found : found_) {
    age_ms = std::max(age_ms, found.age_ms);
    if (found.ttl_left_ms) {
      ttl_left_ms = std::min(ttl_left_ms.value_or(*found.ttl_left_ms), *found.ttl_left_ms);
    }
  }
  std::string status = "nearhit; hit";
  if (ttl_left_ms) {
    status += "; ttl=" + std::to_string(*ttl_left_ms / 1'000);
  }
  status += "; detail=\"" + Items() + "\"";
  std::vector<HttpHeader> headers = {
      {.name = "content-type", .value = "application/json"},
      {.name = "cache-status", .value = std::move(status)},
      {.name = "age", .value = std::to_string(age_ms / 1'000)},
      {.name = "x-nearhit-status", .value = "exact"},
      RequestIdHeader(route_.dialect, "req_" + RandomHex(12)),
  };
  if (found_.size() == 1) {
    headers.push_back(
        {.name = "x-nearhit-entry-id", .value = std::to_string(found_.front().id.value)});
  }
  return headers;
}

double EmbeddingsCall::CountSaved() const {
  Saving saving;
  for (const LookupResult& found : found_) {
    if (found.kind == HitKind::kExact) {
      saving.input_tokens += found.metadata.prompt_tokens;
      saving.usd += found.metadata.cost;
      saving.price = own_->shared->prices->NameOf(plan_.model, AnsweringModel(found.metadata));
    }
  }
  own_->shared->metrics.CountSaved(saving);
  return saving.usd;
}

void EmbeddingsCall::Work(std::size_t bytes, std::function<void()> work,
                          std::function<void()> then) {
  if (bytes > kMaxInlineBytes) {
    const Status queued = own_->shared->core->Submit(
        Lane::kStorage, {.request_bytes = bytes}, [loop = loop_, work, then]() mutable {
          work();
          work = nullptr;  // the loop's thread is the last to have the call
          loop->Post(std::move(then));
        });
    if (queued.ok()) {
      return;
    }
  }
  work();
  then();
}

std::string EmbeddingsCall::Items() const {
  return std::to_string(hits_) + "/" + std::to_string(plan_.slots.size());
}

}  // namespace nearhit::server
