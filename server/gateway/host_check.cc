#include "server/gateway/host_check.h"

#include <algorithm>

#include "server/rest/rest_api.h"

namespace nearhit::server {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  return lower;
}

// Without the port.
std::string_view HostOf(std::string_view authority) {
  const std::size_t end = authority.starts_with('[') ? authority.find(']') : 0;
  return authority.substr(0, authority.find(':', end));
}

// "scheme://authority", as browsers write it. "null" stands for a page of no site.
bool IsOriginOf(std::string_view origin, std::string_view authority) {
  const std::size_t at = origin.find("://");
  return at != std::string_view::npos && Lower(origin.substr(at + 3)) == Lower(authority);
}

}  // namespace

HostCheck::HostCheck(const GatewayOptions& options)
    : any_(options.hosts.empty() && !ListensOnLoopback(options)) {
  for (const std::string& host : options.hosts) {
    any_ = any_ || host == "*";
    hosts_.push_back(Lower(host));
  }
}

bool HostCheck::IsKnown(std::string_view authority) const {
  const std::string host = Lower(HostOf(authority));
  return any_ || IsLoopbackHost(host) ||
         std::find(hosts_.begin(), hosts_.end(), host) != hosts_.end();
}

std::string_view HostCheck::WhyRefused(const HttpServerRequest& request) const {
  const std::string* const host = request.Header("host");
  if (host != nullptr && !IsKnown(*host)) {
    return "the header Host has no name of this listener; see gateway.hosts";
  }
  const std::string* const origin = request.Header("origin");
  if (origin != nullptr && request.path().starts_with(kRestPrefix) &&
      (host == nullptr || !IsOriginOf(*origin, *host))) {
    return "the header Origin is that of another site, whose pages may not make these calls";
  }
  return {};
}

}  // namespace nearhit::server
