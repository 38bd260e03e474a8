#include "server/grpc/cache_service.h"

#include "server/calls/calls.h"
#include "server/grpc/stream.h"

namespace nearhit::server {

CacheService::CacheService(ServiceCore* core, StreamSet* streams) {
  ForEachCall(kCacheCalls, [this, core](const auto& call) { Unary(core, call); });
  Stream<v1::LookupStreamResponse>(
      "nearhit.v1.Cache.LookupStream", [core, streams](grpc::CallbackServerContext* call) {
        return StreamOf<v1::LookupStreamRequest, v1::LookupStreamResponse>(
            core, streams, call, CallOf<v1::LookupRequest, v1::LookupResponse>(kCacheCalls));
      });
  Stream<v1::StoreStreamResponse>(
      "nearhit.v1.Cache.StoreStream", [core, streams](grpc::CallbackServerContext* call) {
        return StreamOf<v1::StoreStreamRequest, v1::StoreStreamResponse>(
            core, streams, call,
            CallOf<v1::StoreBatchRequest, v1::StoreBatchResponse>(kCacheCalls));
      });
}

}  // namespace nearhit::server
