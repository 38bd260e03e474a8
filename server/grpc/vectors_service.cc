#include "server/grpc/vectors_service.h"

#include "server/calls/calls.h"
#include "server/grpc/stream.h"

namespace nearhit::server {

VectorsService::VectorsService(ServiceCore* core, StreamSet* streams) {
  ForEachCall(kVectorsCalls, [this, core](const auto& call) { Unary(core, call); });
  Stream<v1::UpsertStreamResponse>(
      "nearhit.v1.Vectors.UpsertStream", [core, streams](grpc::CallbackServerContext* call) {
        return StreamOf<v1::UpsertStreamRequest, v1::UpsertStreamResponse>(
            core, streams, call, CallOf<v1::UpsertRequest, v1::UpsertResponse>(kVectorsCalls));
      });
}

}  // namespace nearhit::server
