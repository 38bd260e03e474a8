// Answers of providers, compared with stored ones: with what the cache would have served, or came
// near to it. The comparison is a label.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "nearhit/label.h"
#include "nearhit/lookup.h"
#include "server/core/service_core.h"
#include "server/dialect/answer.h"
#include "server/gateway/gateway_metrics.h"
#include "server/gateway/judge.h"
#include "server/gateway/shadow_log.h"

namespace nearhit::server {

// What reviews need, of the process.
struct ReviewHost {
  ServiceCore* core = nullptr;
  std::shared_ptr<ShadowLog> log{};
  std::shared_ptr<GatewayMetrics> metrics{};
  std::shared_ptr<Judge> judge{};  // null: there is none
  float same_answer = 1;           // GatewayOptions::same_answer
};

// Whether an entry was near by meaning, and no label has decided about it.
inline bool HadSomethingNear(const LookupResult& found) {
  const bool alias = found.kind == HitKind::kSemantic && found.rule == "label";
  return found.candidate && found.kind != HitKind::kExact && !alias;
}

// A request that goes upstream, and the entry that its answer is compared with.
struct ShadowReview {
  ReviewHost host{};
  std::optional<Api> api{};
  std::string scope{};
  std::string stored{};  // the record that would have been served; empty: that of the entry
  bool labels = false;   // the comparison is a label; drawn at random
  ShadowDecision decision{};

  // Compares with the provider's answer, of which `record` is the form to store (null: it is none
  // that is stored), labels, counts and keeps the decision. May wait for an embedder.
  void Run(const std::string* record) const;
};

}  // namespace nearhit::server
