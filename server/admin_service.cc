#include "server/admin_service.h"

#include <vector>

#include "nearhit/version.h"
#include "server/model_folder.h"

namespace nearhit::server {

AdminService::AdminService(ServiceContext* context) : context_(context) {
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
  return RunOnPool(context_, Lane::kStorage, call, request, response,
                   [this, request](TimePoint) -> Status {
                     NEARHIT_ASSIGN_OR_RETURN(
                         NamespaceConfig config,
                         DecodeNamespaceConfig(request->config(), context_->allow_embedder_keys));
                     NEARHIT_RETURN_IF_ERROR(CompleteNamespace(context_->model_folder, &config));
                     return context_->db->CreateNamespace(request->name(), config);
                   });
}

grpc::ServerUnaryReactor* AdminService::ListNamespaces(grpc::CallbackServerContext* call,
                                                       const v1::ListNamespacesRequest* request,
                                                       v1::ListNamespacesResponse* response) {
  return RunOnPool(context_, Lane::kStorage, call, request, response,
                   [this, response](TimePoint) -> Status {
                     NEARHIT_ASSIGN_OR_RETURN(const std::vector<NamespaceInfo> infos,
                                              context_->db->ListNamespaces());
                     for (const NamespaceInfo& info : infos) {
                       ToProto(info, response->add_namespaces());
                     }
                     return Status();
                   });
}

grpc::ServerUnaryReactor* AdminService::DescribeNamespace(
    grpc::CallbackServerContext* call, const v1::DescribeNamespaceRequest* request,
    v1::DescribeNamespaceResponse* response) {
  return RunOnPool(context_, Lane::kStorage, call, request, response,
                   [this, request, response](TimePoint) -> Status {
                     NEARHIT_ASSIGN_OR_RETURN(const NamespaceInfo info,
                                              context_->db->DescribeNamespace(request->name()));
                     ToProto(info, response->mutable_info());
                     return Status();
                   });
}

grpc::ServerUnaryReactor* AdminService::UpdateNamespace(grpc::CallbackServerContext* call,
                                                        const v1::UpdateNamespaceRequest* request,
                                                        v1::UpdateNamespaceResponse* response) {
  return RunOnPool(
      context_, Lane::kStorage, call, request, response, [this, request](TimePoint) -> Status {
        NEARHIT_ASSIGN_OR_RETURN(NamespaceUpdate update,
                                 DecodeNamespaceUpdate(*request, context_->allow_embedder_keys));
        if (update.embedder) {
          NEARHIT_RETURN_IF_ERROR(CompleteEmbedder(context_->model_folder, &*update.embedder));
        }
        return context_->db->UpdateNamespace(request->name(), update);
      });
}

grpc::ServerUnaryReactor* AdminService::DropNamespace(grpc::CallbackServerContext* call,
                                                      const v1::DropNamespaceRequest* request,
                                                      v1::DropNamespaceResponse* response) {
  return RunOnPool(context_, Lane::kStorage, call, request, response, [this, request](TimePoint) {
    return context_->db->DropNamespace(request->name());
  });
}

grpc::ServerUnaryReactor* AdminService::Stats(grpc::CallbackServerContext* call,
                                              const v1::StatsRequest* request,
                                              v1::StatsResponse* response) {
  return RunOnPool(context_, Lane::kStorage, call, request, response, [this, response](TimePoint) {
    ToProto(context_->db->Stats(), response);
    response->set_version(NEARHIT_VERSION);
    response->set_queued_calls(context_->pool->queued());
    response->set_refused_calls(context_->pool->refused());
    response->set_expired_calls(context_->expired_calls.load(std::memory_order_relaxed));
    return Status();
  });
}

grpc::ServerUnaryReactor* AdminService::Flush(grpc::CallbackServerContext* call,
                                              const v1::FlushRequest* request,
                                              v1::FlushResponse* response) {
  return RunOnPool(context_, Lane::kStorage, call, request, response,
                   [this](TimePoint) { return context_->db->Flush(); });
}

grpc::ServerUnaryReactor* AdminService::Snapshot(grpc::CallbackServerContext* call,
                                                 const v1::SnapshotRequest* request,
                                                 v1::SnapshotResponse* response) {
  return RunOnPool(context_, Lane::kStorage, call, request, response,
                   [this](TimePoint) { return context_->db->WriteSnapshots(); });
}

grpc::ServerUnaryReactor* AdminService::Ping(grpc::CallbackServerContext* call,
                                             const v1::PingRequest*, v1::PingResponse*) {
  grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace nearhit::server
