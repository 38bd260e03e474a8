// nearhit.v1.Vectors over Database::Vectors() and Database::Embed().
#pragma once

#include "nearhit/v1/vectors.grpc.pb.h"
#include "server/core/stream_set.h"
#include "server/grpc/parsing_service.h"

namespace nearhit::server {

// Thread-safety: thread-safe.
class VectorsService final : public ParsingService<v1::Vectors> {
 public:
  // Both must outlive it.
  VectorsService(ServiceCore* core, StreamSet* streams);
};

}  // namespace nearhit::server
