#include "server/gateway/gateway.h"

#include <functional>
#include <utility>

#include "base/hash.h"
#include "server/dialect/digest.h"
#include "server/gateway/call.h"
#include "server/gateway/embeddings_call.h"
#include "server/gateway/headers.h"
#include "server/gateway/host_check.h"
#include "server/gateway/own_api.h"
#include "server/rest/http_error.h"

namespace nearhit::server {
namespace {

bool IsForEmbeddings(const HttpServerRequest& request) {
  return request.path().ends_with("/embeddings") && request.Header("upgrade") == nullptr &&
         RouteOf(request.method, request.path(), false).endpoint == Endpoint::kEmbeddings;
}

// From the begin of a lookup until the loop learns of its result.
std::chrono::milliseconds LongestLookup(const GatewayOptions& options) {
  return std::chrono::milliseconds(options.lookup_timeout_ms) + std::chrono::seconds(1);
}

// The requests of one loop.
class GatewayHandler final : public HttpHandler {
 public:
  GatewayHandler(std::shared_ptr<GatewayShared> shared, const std::shared_ptr<EventLoop>& loop)
      : shared_(std::move(shared)),
        hosts_(shared_->options),
        flights_({.core = shared_->core,
                  .upstreams = shared_->upstreams.get(),
                  .prices = shared_->prices,
                  .metrics = std::shared_ptr<GatewayMetrics>(shared_, &shared_->metrics),
                  .flying = shared_->flying,
                  .longest_lookup = LongestLookup(shared_->options)},
                 loop) {
    own_.shared = shared_.get();
    own_.loop = loop;
    own_.flights = &flights_;
    shared_->AddPlace({.loop = loop, .table = &flights_});
  }
  ~GatewayHandler() override = default;

  void OnRequest(HttpServerRequest request, std::shared_ptr<HttpResponder> responder) override {
    const bool get = request.method == "GET";
    if (const std::string_view why = hosts_.WhyRefused(request); !why.empty()) {
      Refuse(why, responder.get());
    } else if (get && (request.path() == "/healthz" || request.path() == "/readyz")) {
      SendText("ok\n", responder.get());
    } else if (get && request.path() == "/metrics") {
      SendMetrics(std::move(responder));
    } else if (IsOwnApiPath(request.path())) {
      AnswerOwnApi(shared_, std::move(request), std::move(responder));
    } else if (request.path().starts_with(kRestPrefix)) {
      AnswerRest(std::move(request), std::move(responder));
    } else if (IsForEmbeddings(request)) {
      std::make_shared<EmbeddingsCall>(&own_, std::move(request), std::move(responder))->Start();
    } else {
      std::make_shared<GatewayCall>(&own_, std::move(request), std::move(responder))->Start();
    }
  }

 private:
  static void SendText(std::string text, HttpResponder* responder) {
    responder->Send(200, {{.name = "content-type", .value = "text/plain; charset=utf-8"}},
                    std::move(text));
  }

  static void Refuse(std::string_view why, HttpResponder* responder) {
    responder->Send(403, {{.name = "content-type", .value = "application/json"}},
                    ErrorBody("PERMISSION_DENIED", why));
  }

  void AnswerRest(HttpServerRequest request, std::shared_ptr<HttpResponder> responder) {
    if (shared_->rest != nullptr) {
      shared_->rest->OnRequest(std::move(request), std::move(responder));
    } else {
      Refuse("calls are not served on this listener; see gateway.http_api", responder.get());
    }
  }

  // Reads the state of every namespace: not for the loop's thread.
  void SendMetrics(std::shared_ptr<HttpResponder> responder) {
    const Status queued = shared_->core->Submit(
        Lane::kStorage, CallContext(), [shared = shared_, loop = own_.loop, responder] {
          const GatewayState state{
              .connections = shared->connections->load(std::memory_order_relaxed),
              .flights = shared->flying->load(std::memory_order_relaxed),
              .tls = shared->tls.get()};
          auto text =
              std::make_shared<std::string>(shared->metrics.Text(&shared->core->db(), state));
          loop->Post([responder, text] { SendText(std::move(*text), responder.get()); });
        });
    if (!queued.ok()) {
      responder->Send(503, {}, "");
    }
  }

  const std::shared_ptr<GatewayShared> shared_;
  const HostCheck hosts_;
  FlightTable flights_;
  GatewayLoop own_;
};

Status EnsureNamespace(ServiceCore* core, const std::string& name, bool semantic) {
  if (core->db().DescribeNamespace(name).ok()) {
    return Status();
  }
  NamespaceConfig config;
  config.embedder.kind = semantic ? "" : "none";  // "": the server's model
  return core->CreateNamespace(name, config);
}

}  // namespace

GatewayShared::Place GatewayShared::PlaceOf(const std::string& key, Place own) {
  if (key.empty()) {
    return own;
  }
  MutexLock lock(&mu_);
  return places_.size() < 2 ? own : places_[std::hash<std::string>()(key) % places_.size()];
}

void GatewayShared::AddPlace(Place place) {
  MutexLock lock(&mu_);
  places_.push_back(std::move(place));
}

// SplitMix64 (Steele, Lea and Flood, 2014).
std::uint64_t GatewayShared::NextRandom() {
  std::uint64_t z = (drawn_.fetch_add(1, std::memory_order_relaxed) + 1) * 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

bool GatewayShared::DrawsSample() {
  constexpr double kUnit = 1.0 / static_cast<double>(std::uint64_t{1} << 53U);
  return options.shadow || (options.sample > 0 && static_cast<double>(NextRandom() >> 11U) * kUnit <
                                                      static_cast<double>(options.sample));
}

ReviewHost GatewayShared::ReviewsIn() {
  return {.core = core,
          .log = shadows,
          .metrics = std::shared_ptr<GatewayMetrics>(shared_from_this(), &metrics),
          .judge = judge,
          .same_answer = options.same_answer};
}

std::string GatewayShared::PrincipalOf(const HttpServerRequest& request) const {
  return "caller:" + ToHex(HmacSha256(secret, CredentialOf(request)));
}

std::string GatewayShared::CallerTagOf(const HttpServerRequest& request) const {
  return options.isolation == Isolation::kShared ? "" : PrincipalOf(request);
}

Result<std::unique_ptr<Gateway>> Gateway::Start(ServiceCore* core, const GatewayOptions& options,
                                                std::string secret,
                                                std::shared_ptr<const TlsSource> tls) {
  if (options.tls_certificate.empty() != (tls == nullptr)) {
    return InvalidArgument("the gateway's options and its certificate do not agree");
  }
  NEARHIT_RETURN_IF_ERROR(EnsureNamespace(core, options.name_space, true));
  NEARHIT_RETURN_IF_ERROR(EnsureNamespace(core, options.exact_namespace, false));
  std::unique_ptr<Gateway> gateway(new Gateway());
  gateway->shared_ = std::make_shared<GatewayShared>();
  GatewayShared& shared = *gateway->shared_;
  shared.core = core;
  shared.options = options;
  shared.secret = std::move(secret);
  shared.near = std::make_shared<NearFlights>(LongestLookup(options));
  shared.tls = std::move(tls);
  NEARHIT_ASSIGN_OR_RETURN(shared.upstreams, UpstreamSet::Create(options.upstreams));
  shared.prices = std::make_shared<const PriceTable>(options.prices);
  if (!options.judge.url.empty()) {
    NEARHIT_ASSIGN_OR_RETURN(shared.judge, Judge::Start(options.judge, &shared.metrics));
  }
  if (ServesHttpApi(options)) {
    shared.rest = std::make_unique<const RestApi>(core);
  }
  HttpServerOptions http;
  http.listen = options.listen;
  http.threads = options.threads;
  http.max_connections = options.max_connections;
  http.connections = shared.connections;
  http.tls = shared.tls;
  http.limits.request.body_bytes = options.max_body_bytes;
  NEARHIT_ASSIGN_OR_RETURN(
      gateway->server_,
      HttpServer::Start(http, [shared = gateway->shared_](const std::shared_ptr<EventLoop>& loop) {
        return std::make_unique<GatewayHandler>(shared, loop);
      }));
  return gateway;
}

// Pairs that wait for the judge keep what calls share.
Gateway::~Gateway() {
  server_.reset();
  if (shared_ != nullptr && shared_->judge != nullptr) {
    shared_->judge->Stop();
  }
}

void Gateway::Shutdown(std::chrono::milliseconds grace) {
  server_->Shutdown(grace);
  if (shared_->judge != nullptr) {
    shared_->judge->Stop();
  }
}

}  // namespace nearhit::server
