// The gateway's own calls: what was wrong, and why an answer was given.
#pragma once

#include <memory>
#include <string_view>

#include "server/gateway/gateway.h"
#include "server/http/responder.h"
#include "server/rest/rest_api.h"

namespace nearhit::server {

inline constexpr std::string_view kFeedbackPath = "/nearhit/v1/feedback";
inline constexpr std::string_view kExplainPath = "/nearhit/v1/explain";
inline constexpr std::string_view kShadowPath = "/nearhit/v1/shadow";
static_assert(kFeedbackPath.starts_with(kRestPrefix) && kExplainPath.starts_with(kRestPrefix) &&
              kShadowPath.starts_with(kRestPrefix));

constexpr bool IsOwnApiPath(std::string_view path) {
  return path == kFeedbackPath || path == kExplainPath || path == kShadowPath;
}

// POST /nearhit/v1/feedback {"request_id": …, "verdict": "wrong"}: the stored answer never serves
// that prompt again, from when this is answered, and after a restart. Whatever is stored for it
// later does. Of an answer by meaning both verdicts are labels (nearhit/label.h). By "entry_id"
// instead, the entry is deleted, if it is the caller's.
//
// GET /nearhit/v1/explain?request_id=…: the lookup again, with everything that it saw.
//
// GET /nearhit/v1/shadow: what this caller would have been served, or nearly, and how it compares
// with what the provider answered; the newest first.
//
// Errors are {"error":{"code","message"}}: 400 for a bad field, 404 for an id that is not known
// (any more), or of another caller, 405, 429 for a caller with too many labels.
//
// Requires: IsOwnApiPath(request.path()).
// Thread-safety: the loop's thread. Work that may wait is done on a worker.
void AnswerOwnApi(const std::shared_ptr<GatewayShared>& shared, HttpServerRequest request,
                  std::shared_ptr<HttpResponder> responder);

// The content type of an entry that says: what was stored for this prompt was wrong.
inline constexpr std::string_view kVetoType = "application/vnd.nearhit.veto";

}  // namespace nearhit::server
