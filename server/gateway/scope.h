// The scope of a request: everything that an answer depends on but the text itself.
#pragma once

#include <string>
#include <string_view>

#include "server/dialect/endpoint.h"
#include "server/gateway/controls.h"
#include "server/http/request.h"

namespace nearhit::server {

struct ScopeParts {
  const Route& route;
  const HttpServerRequest& request;
  const CacheControls& controls;
  std::string_view caller{};  // GatewayShared::CallerTagOf
  std::string_view model{};
  std::string_view canonical{};  // of the body
};

// Readable in front, so that entries can be told apart and invalidated by scope; the digest has
// everything.
std::string ScopeOfRequest(const ScopeParts& parts);

}  // namespace nearhit::server
