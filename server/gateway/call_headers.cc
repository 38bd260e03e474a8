#include <array>
#include <cstdio>

#include "server/gateway/call.h"
#include "server/gateway/headers.h"

namespace nearhit::server {
namespace {

std::string Score(float score) {
  std::array<char, 32> text{};
  const int size = std::snprintf(text.data(), text.size(), "%.4f", static_cast<double>(score));
  return std::string(text.data(), static_cast<std::size_t>(size));
}

// "fwd" of RFC 9211.
std::string_view ForwardReason(Served served, std::string_view reason) {
  switch (served) {
    case Served::kBypass:
      return "bypass";
    case Served::kPartial:
      return "partial";
    default:
      return reason == "no_cache" ? "request" : "uri-miss";
  }
}

}  // namespace

void GatewayCall::SendError(int status, std::string_view message) {
  Count(Served::kError);
  std::vector<HttpHeader> headers = OwnHeaders(false);
  headers.push_back(RequestIdHeader(route_.dialect, request_id_));
  headers.push_back({.name = "x-nearhit-status", .value = "error"});
  const Api api =
      api_.value_or(route_.dialect == Dialect::kAnthropic ? Api::kMessages : Api::kChat);
  responder_->Send(status, std::move(headers), ErrorBody(api, status, message, request_id_));
}

// RFC 9211.
void GatewayCall::AddForwarded(long upstream_status, std::vector<HttpHeader>* headers) const {
  std::string status = "nearhit; fwd=";
  status += ForwardReason(served_, reason_);
  status += "; fwd-status=" + std::to_string(upstream_status);
  status += served_ == Served::kCoalesced ? "; collapsed" : "";
  if (order_ && !order_->items.empty()) {
    status += "; detail=\"" + order_->items + "\"";
  } else if (!reason_.empty()) {
    status += "; detail=" + std::string(reason_);
  }
  if (!reason_.empty()) {
    headers->push_back({.name = "x-nearhit-reason", .value = std::string(reason_)});
  }
  if (reason_ == MissReasonName(MissReason::kGuarded)) {
    headers->push_back({.name = "x-nearhit-rule", .value = found_.rule});
  }
  headers->push_back({.name = "cache-status", .value = std::move(status)});
  headers->push_back({.name = "x-nearhit-status", .value = std::string(ServedName(served_))});
  if (stores_) {
    headers->push_back({.name = "x-nearhit-request-id", .value = request_id_});
  }
  if (found_.score) {
    headers->push_back({.name = "x-nearhit-similarity", .value = Score(*found_.score)});
  }
  if (route_.endpoint != Endpoint::kOther) {
    AddRequestId(route_.dialect, request_id_, headers);
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
  AddSavedUsd(hit.metadata.cost, headers);
  headers->push_back({.name = "x-nearhit-entry-id", .value = std::to_string(hit.id.value)});
  if (!plan_.reason.empty()) {
    headers->push_back({.name = "x-nearhit-reason", .value = std::string(plan_.reason)});
  }
  headers->push_back(RequestIdHeader(route_.dialect, request_id_));
  headers->push_back({.name = "x-nearhit-request-id", .value = request_id_});
}

}  // namespace nearhit::server
