// The gateway: requests to providers, answered from the cache where that is right.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "nearhit/result.h"
#include "net/event_loop.h"
#include "server/config/gateway_options.h"
#include "server/core/service_core.h"
#include "server/dialect/request_plan.h"
#include "server/gateway/flight.h"
#include "server/gateway/gateway_metrics.h"
#include "server/gateway/judge.h"
#include "server/gateway/near_flights.h"
#include "server/gateway/price_table.h"
#include "server/gateway/recent_requests.h"
#include "server/gateway/shadow_review.h"
#include "server/gateway/upstream_set.h"
#include "server/http/http_server.h"
#include "server/rest/rest_api.h"

namespace nearhit::server {

// What calls share. Thread-safety: thread-safe; the fields are constant once loops run.
class GatewayShared : public std::enable_shared_from_this<GatewayShared> {
 public:
  ServiceCore* core = nullptr;
  GatewayOptions options{};
  std::string secret{};  // keys the digests of credentials
  std::unique_ptr<UpstreamSet> upstreams{};
  std::shared_ptr<const PriceTable> prices{};
  std::unique_ptr<const RestApi> rest{};  // null: not served
  GatewayMetrics metrics{};
  RecentRequests recent{};
  std::shared_ptr<NearFlights> near{};
  std::shared_ptr<ShadowLog> shadows = std::make_shared<ShadowLog>();
  std::shared_ptr<Judge> judge{};  // null: there is none
  // Calls upstream that are not over, their stores included.
  std::shared_ptr<std::atomic<std::uint64_t>> flying =
      std::make_shared<std::atomic<std::uint64_t>>(0);

  // Where a flight of some key lives: the same loop for all of that key.
  struct Place {
    std::shared_ptr<EventLoop> loop;
    FlightTable* table = nullptr;
  };
  // `own`: for a request without a key, and while no other place is known.
  Place PlaceOf(const std::string& key, Place own);
  void AddPlace(Place place);
  std::uint64_t NextRandom();
  // Whether a request is compared if it has something near: all in shadow mode, or by chance.
  bool DrawsSample();
  ReviewHost ReviewsIn();
  // Who asks, whether callers share or not; a digest.
  std::string PrincipalOf(const HttpServerRequest& request) const;
  // A tag of every entry that this caller caused: whose it is. Empty when callers share.
  std::string CallerTagOf(const HttpServerRequest& request) const;
  std::shared_ptr<const TlsSource> tls{};  // null: plain HTTP
  // Of clients, now.
  std::shared_ptr<std::atomic<std::size_t>> connections =
      std::make_shared<std::atomic<std::size_t>>(0);

 private:
  Mutex mu_;
  std::vector<Place> places_ NEARHIT_GUARDED_BY(mu_);
  std::atomic<std::uint64_t> drawn_{0};
};

// Thread-safety: thread-safe, but Shutdown() by one thread at a time.
class Gateway {
 public:
  // Creates its namespaces when they are missing, and listens. `secret` is for digests of
  // credentials: as long as it stays, entries are found again. `tls` is what the files of the
  // options hold; null for plain HTTP. `core` must outlive the gateway.
  //
  // Errors: those of UpstreamSet::Create, HttpServer::Start and of creating a namespace;
  // kInvalidArgument when options and `tls` do not agree on whether there is TLS.
  static Result<std::unique_ptr<Gateway>> Start(ServiceCore* core, const GatewayOptions& options,
                                                std::string secret,
                                                std::shared_ptr<const TlsSource> tls = nullptr);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  std::uint16_t port() const { return server_->port(); }
  std::size_t connections() const { return server_->connections(); }
  const GatewayMetrics& metrics() const { return shared_->metrics; }
  // Calls upstream that are under way, or whose answers are being stored.
  std::uint64_t flying() const { return shared_->flying->load(std::memory_order_relaxed); }
  // Lets running answers end, for at most `grace`.
  void Shutdown(std::chrono::milliseconds grace);

 private:
  Gateway() = default;

  std::shared_ptr<GatewayShared> shared_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace nearhit::server
