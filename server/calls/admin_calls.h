// The work of nearhit.v1.Admin: messages in, the public API, messages out.
#pragma once

#include "nearhit/v1/admin.pb.h"
#include "server/calls/call.h"

namespace nearhit::server {

Status DoCreateNamespace(ServiceCore* core, const v1::CreateNamespaceRequest& request,
                         const CallContext& call, v1::CreateNamespaceResponse* response);
Status DoListNamespaces(ServiceCore* core, const v1::ListNamespacesRequest& request,
                        const CallContext& call, v1::ListNamespacesResponse* response);
Status DoDescribeNamespace(ServiceCore* core, const v1::DescribeNamespaceRequest& request,
                           const CallContext& call, v1::DescribeNamespaceResponse* response);
Status DoUpdateNamespace(ServiceCore* core, const v1::UpdateNamespaceRequest& request,
                         const CallContext& call, v1::UpdateNamespaceResponse* response);
Status DoDropNamespace(ServiceCore* core, const v1::DropNamespaceRequest& request,
                       const CallContext& call, v1::DropNamespaceResponse* response);
Status DoStats(ServiceCore* core, const v1::StatsRequest& request, const CallContext& call,
               v1::StatsResponse* response);
Status DoFlush(ServiceCore* core, const v1::FlushRequest& request, const CallContext& call,
               v1::FlushResponse* response);
Status DoSnapshot(ServiceCore* core, const v1::SnapshotRequest& request, const CallContext& call,
                  v1::SnapshotResponse* response);
Status DoBackup(ServiceCore* core, const v1::BackupRequest& request, const CallContext& call,
                v1::BackupResponse* response);
// Done at once.
Status BeginPing(ServiceCore* core, const v1::PingRequest& request, const CallContext& call,
                 v1::PingResponse* response, RestOfCall<v1::PingResponse>* rest);

}  // namespace nearhit::server
