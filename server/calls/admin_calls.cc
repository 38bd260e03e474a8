#include "server/calls/admin_calls.h"

#include <utility>
#include <vector>

#include "nearhit/version.h"
#include "server/calls/convert.h"

namespace nearhit::server {

Status DoCreateNamespace(ServiceCore* core, const v1::CreateNamespaceRequest& request,
                         const CallContext&, v1::CreateNamespaceResponse*) {
  NEARHIT_ASSIGN_OR_RETURN(NamespaceConfig config, DecodeNamespaceConfig(request.config()));
  return core->CreateNamespace(request.name(), std::move(config));
}

Status DoListNamespaces(ServiceCore* core, const v1::ListNamespacesRequest&, const CallContext&,
                        v1::ListNamespacesResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(const std::vector<NamespaceInfo> infos, core->db().ListNamespaces());
  for (const NamespaceInfo& info : infos) {
    ToProto(info, response->add_namespaces());
  }
  return Status();
}

Status DoDescribeNamespace(ServiceCore* core, const v1::DescribeNamespaceRequest& request,
                           const CallContext&, v1::DescribeNamespaceResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(const NamespaceInfo info, core->db().DescribeNamespace(request.name()));
  ToProto(info, response->mutable_info());
  return Status();
}

Status DoUpdateNamespace(ServiceCore* core, const v1::UpdateNamespaceRequest& request,
                         const CallContext&, v1::UpdateNamespaceResponse*) {
  NEARHIT_ASSIGN_OR_RETURN(NamespaceUpdate update, DecodeNamespaceUpdate(request));
  return core->UpdateNamespace(request.name(), std::move(update));
}

Status DoDropNamespace(ServiceCore* core, const v1::DropNamespaceRequest& request,
                       const CallContext&, v1::DropNamespaceResponse*) {
  return core->db().DropNamespace(request.name());
}

Status DoStats(ServiceCore* core, const v1::StatsRequest&, const CallContext&,
               v1::StatsResponse* response) {
  ToProto(core->db().Stats(), response);
  response->set_version(NEARHIT_VERSION);
  const ServerStats stats = core->Stats();
  response->set_queued_calls(stats.queued_calls);
  response->set_refused_calls(stats.refused_calls);
  response->set_expired_calls(stats.expired_calls);
  return Status();
}

Status DoFlush(ServiceCore* core, const v1::FlushRequest&, const CallContext&, v1::FlushResponse*) {
  return core->db().Flush();
}

Status DoSnapshot(ServiceCore* core, const v1::SnapshotRequest&, const CallContext&,
                  v1::SnapshotResponse*) {
  return core->db().WriteSnapshots();
}

Status DoBackup(ServiceCore* core, const v1::BackupRequest& request, const CallContext&,
                v1::BackupResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(const NamedBackup made, core->backups().Make(request.name()));
  response->set_directory(made.directory.string());
  response->set_files(made.info.files);
  response->set_bytes(made.info.bytes);
  response->set_seconds(made.info.seconds);
  return Status();
}

Status BeginPing(ServiceCore*, const v1::PingRequest&, const CallContext&, v1::PingResponse*,
                 RestOfCall<v1::PingResponse>*) {
  return Status();
}

}  // namespace nearhit::server
