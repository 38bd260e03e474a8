// The last requests that were looked up, by the id that their callers got: for feedback, and for
// the question why.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/mutex.h"
#include "nearhit/lookup.h"
#include "server/gateway/gateway_metrics.h"

namespace nearhit::server {

struct RecentRequest {
  Endpoint endpoint = Endpoint::kOther;
  Served served = Served::kMiss;
  std::string_view reason{};  // constant text
  std::string name_space{};
  std::string scope{};
  std::string slot{};
  std::string model{};
  bool exact_only = false;
  std::optional<float> min_score{};
  EntryId entry{};          // that was served; 0: none
  std::string principal{};  // who asked (GatewayShared::PrincipalOf); feedback of others is none
};

// Holds the newest, by number and by bytes. Ids are random, so that nobody but the caller, and
// those whom it told, can name a request.
//
// Thread-safety: thread-safe.
class RecentRequests {
 public:
  static constexpr std::size_t kMost = 8'192;
  static constexpr std::size_t kMostBytes = std::size_t{16} << 20;  // of scopes and slots

  // One that is too large for kMostBytes is not kept.
  void Add(std::string id, RecentRequest request);
  std::optional<RecentRequest> Find(std::string_view id) const;

 private:
  static std::size_t BytesOf(const RecentRequest& request) {
    return request.scope.size() + request.slot.size();
  }

  mutable Mutex mu_;
  std::unordered_map<std::string, RecentRequest> by_id_ NEARHIT_GUARDED_BY(mu_);
  std::deque<std::string> ids_ NEARHIT_GUARDED_BY(mu_);  // the oldest in front
  std::size_t bytes_ NEARHIT_GUARDED_BY(mu_) = 0;
};

}  // namespace nearhit::server
