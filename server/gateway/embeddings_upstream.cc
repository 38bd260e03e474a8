#include <unordered_map>
#include <utility>

#include "base/coding.h"
#include "server/dialect/digest.h"
#include "server/gateway/embedding_entry.h"
#include "server/gateway/embeddings_call.h"
#include "server/gateway/headers.h"

namespace nearhit::server {
namespace {

// Answers have all vectors of a batch: more than this is passed on, and not stored.
constexpr std::size_t kMaxAnswerBytes = std::size_t{64} << 20;

}  // namespace

void EmbeddingsCall::AskForAll(Served served, std::string_view reason) {
  GatewayCall::Order order;
  order.served = served;
  order.reason = reason;
  if (served != Served::kBypass) {
    order.flight = MakeFlight(request_, plan_.slots);
    order.items = Items();
  } else {
    order.flight = MakeFlight(request_, {});
  }
  Forward(responder_, std::move(order));
}

void EmbeddingsCall::AskForMissing() {
  std::unordered_map<std::string_view, std::size_t> places;
  std::vector<std::string> slots;
  places_.resize(found_.size());
  for (std::size_t i = 0; i < found_.size(); ++i) {
    if (found_[i].kind == HitKind::kExact) {
      continue;
    }
    const auto [place, is_new] = places.emplace(plan_.slots[i], asked_.size());
    places_[i] = place->second;
    if (is_new) {
      asked_.push_back(i);
      slots.push_back(plan_.slots[i]);
    }
  }
  std::optional<std::string> body = WithInputs(request_->body, asked_);
  if (!body) {
    AskForAll(Served::kMiss, "input");
    return;
  }
  const auto request = std::make_shared<HttpServerRequest>(*request_);
  request->body = *std::move(body);
  GatewayCall::Order order;
  order.served = Served::kPartial;
  order.reason = reason_;
  order.items = Items();
  order.flight = MakeFlight(request, std::move(slots));
  Forward(std::make_shared<AnswerCollector>(
              responder_, kMaxAnswerBytes,
              [self = shared_from_this()](auto answer) { self->OnAnswer(std::move(answer)); }),
          std::move(order));
}

void EmbeddingsCall::Forward(std::shared_ptr<HttpResponder> to, GatewayCall::Order order) {
  std::make_shared<GatewayCall>(own_, HttpServerRequest(), std::move(to))
      ->Forward(std::move(order));
}

// Without slots the answer is not stored, nor shared.
FlightRequest EmbeddingsCall::MakeFlight(std::shared_ptr<const HttpServerRequest> request,
                                         std::vector<std::string> slots) const {
  FlightRequest flight;
  flight.route = route_;
  flight.request = std::move(request);
  flight.model = plan_.model.empty() ? route_.deployment : plan_.model;
  if (slots.empty()) {
    return flight;
  }
  std::string inputs;
  for (const std::string& slot : slots) {
    PutBytes(&inputs, slot);
  }
  flight.key = plan_.encoding == EmbeddingEncoding::kBase64 ? "b" : "f";
  flight.key += scope_ + '\0' + ToHex(Sha256(inputs));
  const std::string& name_space = own_->shared->options.exact_namespace;
  const auto order =
      std::make_shared<const EmbeddingOrder>(EmbeddingOrder{.core = own_->shared->core,
                                                            .prices = own_->shared->prices,
                                                            .name_space = name_space,
                                                            .scope = scope_,
                                                            .model = plan_.model,
                                                            .caller = caller_,
                                                            .slots = std::move(slots),
                                                            .ttl_ms = controls_.ttl_ms});
  flight.store = StoreOrder{
      .name_space = name_space,
      .max_bytes = kMaxAnswerBytes,
      .store_items = [order](std::string_view body) { return StoreEmbeddings(*order, body); }};
  return flight;
}

void EmbeddingsCall::OnAnswer(AnswerCollector::Answer answer) {
  if (answer.outcome == AnswerCollector::Outcome::kTooLarge) {
    AskForAll(Served::kMiss, "long_answer");
    return;
  }
  if (answer.outcome == AnswerCollector::Outcome::kCut) {
    std::make_shared<GatewayCall>(own_, HttpServerRequest(), responder_)
        ->SendError(502, "the provider ended the answer early");
    return;
  }
  if (answer.status != 200) {
    responder_->Send(answer.status, std::move(answer.headers), std::move(answer.body));
    return;
  }
  const auto taken = std::make_shared<AnswerCollector::Answer>(std::move(answer));
  const auto merged = std::make_shared<std::string>();
  Work(
      hit_bytes_ + taken->body.size(),
      [self = shared_from_this(), taken, merged] { *merged = self->Merge(taken->body); },
      [self = shared_from_this(), taken, merged] {
        if (merged->empty()) {
          self->AskForAll(Served::kMiss, "not_merged");
        } else {
          AddSavedUsd(self->CountSaved(), &taken->headers);
          self->responder_->Send(200, std::move(taken->headers), std::move(*merged));
        }
      });
}

std::string EmbeddingsCall::Merge(std::string_view answer) const {
  const Result<EmbeddingsAnswer> asked = ReadEmbeddings(answer, asked_.size());
  if (!asked.ok()) {
    return {};
  }
  std::vector<std::string_view> vectors;
  for (std::size_t i = 0; i < found_.size(); ++i) {
    const bool hit = found_[i].kind == HitKind::kExact;
    vectors.push_back(hit ? found_[i].answer : asked->vectors[places_[i]]);
    if (vectors.back().size() != vectors.front().size() ||
        (hit && AnsweringModel(found_[i].metadata) != asked->model)) {
      return {};
    }
  }
  return RenderEmbeddings({.vectors = vectors, .model = asked->model, .usage = asked->usage},
                          plan_.encoding);
}

}  // namespace nearhit::server
