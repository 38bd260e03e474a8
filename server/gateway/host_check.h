// Which requests the pages of web sites may make of a listener, by what browsers say of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/config/gateway_options.h"
#include "server/http/request.h"

namespace nearhit::server {

// A site can have its own name lead to this machine, and to a browser the listener is then a part
// of that site, whose scripts read what it answers (DNS rebinding). Host has the site's name.
//
// Thread-safety: thread-safe.
class HostCheck {
 public:
  explicit HostCheck(const GatewayOptions& options);

  // Why a request is not served, for its client; empty when it is. Host has to be a name of the
  // listener (GatewayOptions::hosts), and Origin, for calls of nearhit.v1, has to be of that name.
  // A request of HTTP/1.0 without Host is of no browser.
  std::string_view WhyRefused(const HttpServerRequest& request) const;

 private:
  bool IsKnown(std::string_view authority) const;

  std::vector<std::string> hosts_;  // in lower case
  bool any_;                        // all names are known
};

}  // namespace nearhit::server
