#include "server/gateway/delivery.h"

#include <string>
#include <utility>

#include "server/dialect/usage.h"

namespace nearhit::server {

void Deliver(const StoredAnswer& answer, const DeliveryOptions& options,
             std::vector<HttpHeader> headers, const std::shared_ptr<HttpResponder>& responder) {
  const bool zero = options.zero_usage && options.api;
  if (!options.stream) {
    responder->Send(200, std::move(headers),
                    zero ? WithZeroUsage(*options.api, answer.body) : std::string(answer.body));
    return;
  }
  std::string events;
  for (const StoredEvent& event : answer.events) {
    if (event.usage_only && !options.include_usage) {
      continue;
    }
    if (zero) {
      events += BlockWithZeroUsage(*options.api, event.block);
    } else {
      events += event.block;
    }
  }
  responder->Begin(200, std::move(headers));
  responder->End(events);
}

}  // namespace nearhit::server
