// The shadow mode: what the cache would have served, compared with what the provider answered.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "nearhit/lookup.h"
#include "server/core/service_core.h"
#include "server/dialect/answer.h"
#include "server/gateway/gateway_metrics.h"

namespace nearhit::server {

enum class Agreement : std::uint8_t {
  kSame,       // the same text, but for white space
  kDifferent,  // another text; the similarity says how far apart
  kUnknown,    // one of them has no text, or is none that is stored
};
inline constexpr std::array<std::string_view, 3> kAgreementNames = {"same", "different", "unknown"};

constexpr std::string_view AgreementName(Agreement agreement) {
  return kAgreementNames[static_cast<std::size_t>(agreement)];
}

// A decision to serve that was not carried out.
struct ShadowDecision {
  std::chrono::system_clock::time_point time{};
  std::string request_id{};
  std::string caller{};  // a tag; only this caller may see it
  std::string name_space{};
  HitKind kind = HitKind::kMiss;
  float similarity = 0;  // of the prompts
  EntryId entry_id{};
  std::string asked{};
  std::string matched{};
  // Beginnings of the answers, of at most ShadowLog::kMostText bytes.
  std::string stored_text{};
  std::string provider_text{};
  Agreement agreement = Agreement::kUnknown;
  std::optional<float> answer_similarity{};  // by the namespace's embedder, if it has one
};

// Holds the newest, by number and by bytes.
//
// Thread-safety: thread-safe.
class ShadowLog {
 public:
  static constexpr std::size_t kMost = 1'024;
  static constexpr std::size_t kMostText = 4'096;
  static constexpr std::size_t kMostBytes = std::size_t{16} << 20;  // of texts

  void Add(ShadowDecision decision);
  // Those of this caller, the newest first.
  std::vector<ShadowDecision> List(std::string_view caller, std::size_t limit) const;

 private:
  static std::size_t BytesOf(const ShadowDecision& decision);

  mutable Mutex mu_;
  std::deque<ShadowDecision> decisions_ NEARHIT_GUARDED_BY(mu_);  // the oldest in front
  std::size_t bytes_ NEARHIT_GUARDED_BY(mu_) = 0;
};

// What a review needs.
struct ShadowReview {
  ServiceCore* core = nullptr;
  std::shared_ptr<ShadowLog> log{};
  std::shared_ptr<GatewayMetrics> metrics{};
  std::optional<Api> api{};
  std::string stored{};  // the record that would have been served
  ShadowDecision decision{};

  // Compares with the provider's answer, of which `record` is the form to store (null: it is none
  // that is stored), counts and keeps the decision. May wait for an embedder.
  void Run(const std::string* record) const;
};

}  // namespace nearhit::server
