#include "server/grpc/admin_service.h"

#include "server/calls/calls.h"

namespace nearhit::server {

AdminService::AdminService(ServiceCore* core) {
  ForEachCall(kAdminCalls, [this, core](const auto& call) { Unary(core, call); });
}

}  // namespace nearhit::server
