#include "server/daemon/gateway_setup.h"

#include <chrono>
#include <string>
#include <utility>

#include "server/config/config.h"
#include "server/daemon/daemon.h"
#include "server/daemon/log.h"

namespace nearhit::server {
namespace {

void WarnWhenExpired(const TlsContext& context) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  if (std::chrono::seconds(context.expires_at()) < now) {
    Log(LogLevel::kWarning, "the certificate of gateway.tls_certificate has expired");
  }
}

void SetTls(const DaemonFlags& flags, GatewayOptions* gateway) {
  gateway->tls_certificate = flags.http_tls_certificate.value_or(gateway->tls_certificate);
  gateway->tls_key = flags.http_tls_key.value_or(gateway->tls_key);
  gateway->tls_client_ca = flags.http_tls_client_ca.value_or(gateway->tls_client_ca);
}

}  // namespace

Status SetGateway(const DaemonFlags& flags, GatewayOptions* gateway) {
  if (flags.http_listen) {
    const Status status = CheckListenAddress(*flags.http_listen);
    if (!status.ok()) {
      return InvalidArgument("--http-listen " + std::string(status.message()));
    }
    gateway->listen = *flags.http_listen;
  }
  if (!flags.upstreams.empty()) {
    gateway->upstreams.clear();
    for (const std::string& url : flags.upstreams) {
      auto upstream = UpstreamOfUrl(url);
      if (!upstream.ok()) {
        return InvalidArgument("--upstream " + std::string(upstream.status().message()));
      }
      gateway->upstreams.push_back(*std::move(upstream));
    }
    if (gateway->listen.empty()) {
      gateway->listen = kDefaultGatewayListen;
    }
  }
  if (!gateway->listen.empty() && gateway->upstreams.empty()) {
    return InvalidArgument("--http-listen needs --upstream, or [[gateway.upstream]] in the file");
  }
  SetTls(flags, gateway);
  if (gateway->tls_certificate.empty() != gateway->tls_key.empty()) {
    return InvalidArgument("--http-tls-certificate and --http-tls-key need each other");
  }
  if (!gateway->tls_client_ca.empty() && gateway->tls_key.empty()) {
    return InvalidArgument("--http-tls-client-ca needs --http-tls-certificate and --http-tls-key");
  }
  return Status();
}

Result<std::shared_ptr<TlsSource>> OpenGatewayTls(const GatewayOptions& gateway) {
  if (gateway.listen.empty() || gateway.tls_certificate.empty()) {
    return std::shared_ptr<TlsSource>();
  }
  auto source = TlsSource::Create({.certificate = gateway.tls_certificate,
                                   .key = gateway.tls_key,
                                   .client_ca = gateway.tls_client_ca});
  if (!source.ok()) {
    return Status(source.status().code(), "gateway." + std::string(source.status().message()));
  }
  WarnWhenExpired(*(*source)->context());
  return source;
}

void LookAtGatewayTls(TlsSource* tls) {
  const auto looked = tls->Look();
  if (!looked.ok()) {
    Log(LogLevel::kError,
        "the gateway keeps its certificate: gateway." + std::string(looked.status().message()));
  } else if (*looked) {
    Log(LogLevel::kInfo, "the gateway has a new certificate for new connections");
    WarnWhenExpired(*tls->context());
  }
}

void AnnounceGateway(const GatewayOptions& gateway, std::uint16_t port) {
  const bool plain = gateway.tls_certificate.empty();
  Log(LogLevel::kInfo, "the gateway listens on " + gateway.listen + ", port " +
                           std::to_string(port) + (plain ? "" : ", with TLS"));
  if (plain && !ListensOnLoopback(gateway)) {
    Log(LogLevel::kWarning,
        "the gateway has no TLS and listens on more than loopback: others on the network can read "
        "prompts and keys; see gateway.tls_certificate");
  }
}

}  // namespace nearhit::server
