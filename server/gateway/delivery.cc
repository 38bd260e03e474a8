#include "server/gateway/delivery.h"

#include <string>
#include <string_view>
#include <utility>

#include "server/dialect/usage.h"
#include "server/gateway/replay.h"

namespace nearhit::server {

namespace {

void AppendBlock(std::string_view block, const DeliveryOptions& options, std::string* out) {
  if (!options.api) {
    *out += block;
    return;
  }
  std::string zeroed;
  if (options.zero_usage) {
    zeroed = BlockWithZeroUsage(*options.api, block);
    block = zeroed;
  }
  if (options.include_usage) {
    *out += block;
  } else {
    *out += BlockWithoutNullUsage(*options.api, block);
  }
}

}  // namespace

void Deliver(const StoredAnswer& answer, const DeliveryOptions& options,
             std::vector<HttpHeader> headers, const std::shared_ptr<HttpResponder>& responder) {
  const bool zero = options.zero_usage && options.api;
  if (!options.stream) {
    responder->Send(200, std::move(headers),
                    zero ? WithZeroUsage(*options.api, answer.body) : std::string(answer.body));
    return;
  }
  const std::vector<std::chrono::milliseconds> times =
      options.pauses ? ReplayTimes(answer.events) : std::vector<std::chrono::milliseconds>();
  std::string bytes;
  std::vector<Replay::Step> steps;
  for (std::size_t i = 0; i < answer.events.size(); ++i) {
    const StoredEvent& event = answer.events[i];
    if (event.usage_only && !options.include_usage) {
      continue;
    }
    AppendBlock(event.block, options, &bytes);
    if (options.pauses) {
      steps.push_back({.end = bytes.size(), .due = times[i]});
    }
  }
  responder->Begin(200, std::move(headers));
  if (!steps.empty() && steps.back().due > steps.front().due) {
    std::make_shared<Replay>(responder, std::move(bytes), std::move(steps))->Start();
  } else {
    responder->End(bytes);
  }
}

}  // namespace nearhit::server
