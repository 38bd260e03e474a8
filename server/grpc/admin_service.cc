#include "server/grpc/admin_service.h"

#include <utility>
#include <vector>

#include "nearhit/version.h"

namespace nearhit::server {

AdminService::AdminService(ServiceCore* core) : core_(core) {
  Unary("CreateNamespace", &AdminService::CreateNamespace);
  Unary("ListNamespaces", &AdminService::ListNamespaces);
  Unary("DescribeNamespace", &AdminService::DescribeNamespace);
  Unary("UpdateNamespace", &AdminService::UpdateNamespace);
  Unary("DropNamespace", &AdminService::DropNamespace);
  Unary("Stats", &AdminService::Stats);
  Unary("Flush", &AdminService::Flush);
  Unary("Snapshot", &AdminService::Snapshot);
  Unary("Ping", &AdminService::Ping);
}

grpc::ServerUnaryReactor* AdminService::CreateNamespace(grpc::CallbackServerContext* call,
                                                        const v1::CreateNamespaceRequest* request,
                                                        v1::CreateNamespaceResponse* response) {
  return RunOnPool(core_, Lane::kStorage, call, request, response,
                   [this, request](const CallContext&) -> Status {
                     NEARHIT_ASSIGN_OR_RETURN(NamespaceConfig config,
                                              DecodeNamespaceConfig(request->config()));
                     return core_->CreateNamespace(request->name(), std::move(config));
                   });
}

grpc::ServerUnaryReactor* AdminService::ListNamespaces(grpc::CallbackServerContext* call,
                                                       const v1::ListNamespacesRequest* request,
                                                       v1::ListNamespacesResponse* response) {
  return RunOnPool(core_, Lane::kStorage, call, request, response,
                   [this, response](const CallContext&) -> Status {
                     NEARHIT_ASSIGN_OR_RETURN(const std::vector<NamespaceInfo> infos,
                                              core_->db().ListNamespaces());
                     for (const NamespaceInfo& info : infos) {
                       ToProto(info, response->add_namespaces());
                     }
                     return Status();
                   });
}

grpc::ServerUnaryReactor* AdminService::DescribeNamespace(
    grpc::CallbackServerContext* call, const v1::DescribeNamespaceRequest* request,
    v1::DescribeNamespaceResponse* response) {
  return RunOnPool(core_, Lane::kStorage, call, request, response,
                   [this, request, response](const CallContext&) -> Status {
                     NEARHIT_ASSIGN_OR_RETURN(const NamespaceInfo info,
                                              core_->db().DescribeNamespace(request->name()));
                     ToProto(info, response->mutable_info());
                     return Status();
                   });
}

grpc::ServerUnaryReactor* AdminService::UpdateNamespace(grpc::CallbackServerContext* call,
                                                        const v1::UpdateNamespaceRequest* request,
                                                        v1::UpdateNamespaceResponse* response) {
  return RunOnPool(core_, Lane::kStorage, call, request, response,
                   [this, request](const CallContext&) -> Status {
                     NEARHIT_ASSIGN_OR_RETURN(NamespaceUpdate update,
                                              DecodeNamespaceUpdate(*request));
                     return core_->UpdateNamespace(request->name(), std::move(update));
                   });
}

grpc::ServerUnaryReactor* AdminService::DropNamespace(grpc::CallbackServerContext* call,
                                                      const v1::DropNamespaceRequest* request,
                                                      v1::DropNamespaceResponse* response) {
  return RunOnPool(
      core_, Lane::kStorage, call, request, response,
      [this, request](const CallContext&) { return core_->db().DropNamespace(request->name()); });
}

grpc::ServerUnaryReactor* AdminService::Stats(grpc::CallbackServerContext* call,
                                              const v1::StatsRequest* request,
                                              v1::StatsResponse* response) {
  return RunOnPool(core_, Lane::kStorage, call, request, response,
                   [this, response](const CallContext&) {
                     ToProto(core_->db().Stats(), response);
                     response->set_version(NEARHIT_VERSION);
                     const ServerStats stats = core_->Stats();
                     response->set_queued_calls(stats.queued_calls);
                     response->set_refused_calls(stats.refused_calls);
                     response->set_expired_calls(stats.expired_calls);
                     return Status();
                   });
}

grpc::ServerUnaryReactor* AdminService::Flush(grpc::CallbackServerContext* call,
                                              const v1::FlushRequest* request,
                                              v1::FlushResponse* response) {
  return RunOnPool(core_, Lane::kStorage, call, request, response,
                   [this](const CallContext&) { return core_->db().Flush(); });
}

grpc::ServerUnaryReactor* AdminService::Snapshot(grpc::CallbackServerContext* call,
                                                 const v1::SnapshotRequest* request,
                                                 v1::SnapshotResponse* response) {
  return RunOnPool(core_, Lane::kStorage, call, request, response,
                   [this](const CallContext&) { return core_->db().WriteSnapshots(); });
}

grpc::ServerUnaryReactor* AdminService::Ping(grpc::CallbackServerContext* call,
                                             const v1::PingRequest*, v1::PingResponse*) {
  grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace nearhit::server
