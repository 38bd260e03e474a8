// The gateway's part of the daemon's life: flags, its certificate, what the log says of both.
#pragma once

#include <cstdint>
#include <memory>

#include "nearhit/result.h"
#include "server/config/gateway_options.h"
#include "server/http/tls_source.h"

namespace nearhit::server {

struct DaemonFlags;

// Puts flags in the place of what the file says. Errors: kInvalidArgument for a flag, by name.
Status SetGateway(const DaemonFlags& flags, GatewayOptions* gateway);

// Null when the gateway has no TLS. Errors: those of TlsSource::Create, naming the key.
Result<std::shared_ptr<TlsSource>> OpenGatewayTls(const GatewayOptions& gateway);

// Takes what the files of the certificate hold, when that has changed, and logs it.
void LookAtGatewayTls(TlsSource* tls);

// Logs where the gateway listens, and a warning when others on the network could read along.
void AnnounceGateway(const GatewayOptions& gateway, std::uint16_t port);

}  // namespace nearhit::server
