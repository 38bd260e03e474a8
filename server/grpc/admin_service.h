// nearhit.v1.Admin: namespaces, figures and upkeep.
#pragma once

#include "nearhit/v1/admin.grpc.pb.h"
#include "server/grpc/call.h"
#include "server/grpc/parsing_service.h"

namespace nearhit::server {

// Thread-safety: thread-safe.
class AdminService final : public ParsingService<v1::Admin> {
 public:
  explicit AdminService(ServiceCore* core);

  grpc::ServerUnaryReactor* CreateNamespace(grpc::CallbackServerContext* call,
                                            const v1::CreateNamespaceRequest* request,
                                            v1::CreateNamespaceResponse* response) override;
  grpc::ServerUnaryReactor* ListNamespaces(grpc::CallbackServerContext* call,
                                           const v1::ListNamespacesRequest* request,
                                           v1::ListNamespacesResponse* response) override;
  grpc::ServerUnaryReactor* DescribeNamespace(grpc::CallbackServerContext* call,
                                              const v1::DescribeNamespaceRequest* request,
                                              v1::DescribeNamespaceResponse* response) override;
  grpc::ServerUnaryReactor* UpdateNamespace(grpc::CallbackServerContext* call,
                                            const v1::UpdateNamespaceRequest* request,
                                            v1::UpdateNamespaceResponse* response) override;
  grpc::ServerUnaryReactor* DropNamespace(grpc::CallbackServerContext* call,
                                          const v1::DropNamespaceRequest* request,
                                          v1::DropNamespaceResponse* response) override;
  grpc::ServerUnaryReactor* Stats(grpc::CallbackServerContext* call,
                                  const v1::StatsRequest* request,
                                  v1::StatsResponse* response) override;
  grpc::ServerUnaryReactor* Flush(grpc::CallbackServerContext* call,
                                  const v1::FlushRequest* request,
                                  v1::FlushResponse* response) override;
  grpc::ServerUnaryReactor* Snapshot(grpc::CallbackServerContext* call,
                                     const v1::SnapshotRequest* request,
                                     v1::SnapshotResponse* response) override;
  grpc::ServerUnaryReactor* Ping(grpc::CallbackServerContext* call, const v1::PingRequest* request,
                                 v1::PingResponse* response) override;

 private:
  ServiceCore* const core_;
};

}  // namespace nearhit::server
