// nearhit.v1.Cache over Database::Cache().
#pragma once

#include "nearhit/v1/cache.grpc.pb.h"
#include "server/core/stream_set.h"
#include "server/grpc/parsing_service.h"

namespace nearhit::server {

// Thread-safety: thread-safe.
class CacheService final : public ParsingService<v1::Cache> {
 public:
  // Both must outlive it.
  CacheService(ServiceCore* core, StreamSet* streams);
};

}  // namespace nearhit::server
