// nearhit.v1.Admin: namespaces, figures and upkeep.
#pragma once

#include "nearhit/v1/admin.grpc.pb.h"
#include "server/grpc/parsing_service.h"

namespace nearhit::server {

// Thread-safety: thread-safe.
class AdminService final : public ParsingService<v1::Admin> {
 public:
  // `core` must outlive it.
  explicit AdminService(ServiceCore* core);
};

}  // namespace nearhit::server
