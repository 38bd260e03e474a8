// A stored answer on its way to a client.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "server/dialect/answer.h"
#include "server/gateway/stored_answer.h"
#include "server/http/responder.h"

namespace nearhit::server {

struct DeliveryOptions {
  std::optional<Api> api{};
  bool stream = false;
  bool include_usage = false;  // events that are of usage only, too
  bool zero_usage = false;     // every number of the usage is 0
  bool pauses = false;         // between events, as they were recorded
};

// Sends the whole answer with status 200, now or with pauses. Its views need to be valid during the
// call only.
//
// Requires: the answer has the form that is asked for.
void Deliver(const StoredAnswer& answer, const DeliveryOptions& options,
             std::vector<HttpHeader> headers, const std::shared_ptr<HttpResponder>& responder);

}  // namespace nearhit::server
