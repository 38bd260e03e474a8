#include "server/gateway/scope.h"

#include "base/coding.h"
#include "server/dialect/digest.h"
#include "server/gateway/headers.h"

namespace nearhit::server {

std::string ScopeOfRequest(const ScopeParts& parts) {
  std::string all;
  PutBytes(&all, parts.route.path);
  PutBytes(&all, parts.request.query());
  PutBytes(&all, HeadersOfScope(parts.request));
  PutBytes(&all, parts.controls.name_space);
  PutBytes(&all, parts.caller);
  PutBytes(&all, parts.canonical);
  std::string scope = "gateway/1 ";
  scope += EndpointName(parts.route.endpoint);
  scope += ' ';
  scope += parts.model;
  scope += ' ';
  scope += ToHex(Sha256(all));
  return scope;
}

}  // namespace nearhit::server
