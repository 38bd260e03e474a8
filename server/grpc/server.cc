#include "server/grpc/server.h"

#include <chrono>
#include <mutex>
#include <utility>

#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_builder.h>

#include "server/core/listener.h"
#include "server/grpc/admin_service.h"
#include "server/grpc/cache_service.h"
#include "server/grpc/vectors_service.h"

namespace nearhit::server {
namespace {

constexpr int kMaxMetadataBytes = 16 << 10;
constexpr int kMaxConnectionIdleMs = 5 * 60 * 1000;
constexpr int kHandshakeTimeoutMs = 10 * 1000;
// Clients may ping every 10 s, with or without calls under way; the server pings after a minute of
// silence and drops a peer that does not answer for 20 s.
constexpr int kMinPingIntervalMs = 10 * 1000;
constexpr int kKeepaliveTimeMs = 60 * 1000;
constexpr int kKeepaliveTimeoutMs = 20 * 1000;

// gRPC takes both from process-wide switches that are read when a server is built.
void SetProcessSwitches(bool reflection) {
  grpc::EnableDefaultHealthCheckService(true);
  if (reflection) {
    static std::once_flag once;
    std::call_once(once, [] { grpc::reflection::InitProtoReflectionServerBuilderPlugin(); });
  }
}

void SetLimits(const ServerOptions& options, grpc::ServerBuilder* builder) {
  grpc::ResourceQuota quota("nearhitd");
  quota.Resize(options.memory_quota_bytes);
  builder->SetResourceQuota(quota);
  builder->SetMaxReceiveMessageSize(static_cast<int>(options.max_message_bytes));
  // What may be stored may be read. Answers of many parts end at max_message_bytes while they are
  // made (ServiceCore), before gRPC would refuse them.
  builder->SetMaxSendMessageSize(-1);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                              static_cast<int>(options.max_concurrent_streams));
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kMaxConnectionIdleMs);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeTimeoutMs);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              kMinPingIntervalMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  // Two daemons on one port would share its connections without a word.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

}  // namespace

struct Server::Services {
  Services(ServiceCore* core, StreamSet* streams)
      : cache(core, streams), vectors(core, streams), admin(core) {}

  CacheService cache;
  VectorsService vectors;
  AdminService admin;
};

Server::Server(ServiceCore* core, const ServerOptions& options)
    : core_(core), options_(options), services_(std::make_unique<Services>(core, &streams_)) {
}

Result<std::unique_ptr<Server>> Server::Start(ServiceCore* core, const ServerOptions& options) {
  std::unique_ptr<Server> server(new Server(core, options));
  NEARHIT_RETURN_IF_ERROR(server->Listen());
  return server;
}

Status Server::Listen() {
  if (!options_.unix_socket.empty()) {
    NEARHIT_ASSIGN_OR_RETURN(Descriptor claim, ClaimUnixSocket(options_.unix_socket));
    claim_.emplace(std::move(claim));
  }
  SetProcessSwitches(options_.reflection);
  grpc::ServerBuilder builder;
  SetLimits(options_, &builder);
  int unix_port = 0;
  if (!options_.listen.empty()) {
    builder.AddListeningPort(options_.listen, grpc::InsecureServerCredentials(), &port_);
  }
  if (!options_.unix_socket.empty()) {
    builder.AddListeningPort("unix:" + options_.unix_socket, grpc::InsecureServerCredentials(),
                             &unix_port);
  }
  builder.RegisterService(&services_->cache);
  builder.RegisterService(&services_->vectors);
  builder.RegisterService(&services_->admin);
  grpc_ = builder.BuildAndStart();
  const bool bound =
      (options_.listen.empty() || port_ > 0) && (options_.unix_socket.empty() || unix_port > 0);
  if (grpc_ == nullptr || !bound) {
    return Unavailable("cannot listen on \"" + options_.listen + "\"" +
                       (options_.unix_socket.empty()
                            ? std::string()
                            : " and \"unix:" + options_.unix_socket + "\""));
  }
  grpc::HealthCheckServiceInterface* health = grpc_->GetHealthCheckService();
  for (const char* service : {v1::Cache::service_full_name(), v1::Vectors::service_full_name(),
                              v1::Admin::service_full_name()}) {
    health->SetServingStatus(service, true);
  }
  health->SetServingStatus(true);
  return Status();
}

Server::~Server() {
  Shutdown().IgnoreError();  // the owner who cares has called it, and closing the database flushes
}

Status Server::CheckListeners(std::chrono::milliseconds patience) const {
  if (port_ > 0) {
    NEARHIT_RETURN_IF_ERROR(
        CheckAccepts(options_.listen, static_cast<std::uint16_t>(port_), patience));
  }
  return options_.unix_socket.empty() ? Status() : CheckUnixAccepts(options_.unix_socket, patience);
}

void Server::StopServing() {
  if (grpc_ != nullptr) {
    grpc_->GetHealthCheckService()->SetServingStatus(false);
  }
}

Status Server::End(bool closes) {
  if (shut_down_ || grpc_ == nullptr) {
    return Status();
  }
  shut_down_ = true;
  StopServing();
  streams_.Stop();
  grpc_->Shutdown(std::chrono::system_clock::now() +
                  std::chrono::milliseconds(options_.shutdown_grace_ms));
  return core_->Stop(closes);
}

}  // namespace nearhit::server
