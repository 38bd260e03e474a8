// nearhit.v1.Cache over Database::Cache().
#pragma once

#include "nearhit/v1/cache.grpc.pb.h"
#include "server/core/stream_set.h"
#include "server/grpc/call.h"
#include "server/grpc/parsing_service.h"

namespace nearhit::server {

// Lookups that need no wait are answered on gRPC's thread; everything else runs on the pool.
//
// Thread-safety: thread-safe.
class CacheService final : public ParsingService<v1::Cache> {
 public:
  // Both must outlive it.
  CacheService(ServiceCore* core, StreamSet* streams);

  grpc::ServerUnaryReactor* Lookup(grpc::CallbackServerContext* call,
                                   const v1::LookupRequest* request,
                                   v1::LookupResponse* response) override;
  grpc::ServerUnaryReactor* LookupBatch(grpc::CallbackServerContext* call,
                                        const v1::LookupBatchRequest* request,
                                        v1::LookupBatchResponse* response) override;
  grpc::ServerUnaryReactor* Store(grpc::CallbackServerContext* call,
                                  const v1::StoreRequest* request,
                                  v1::StoreResponse* response) override;
  grpc::ServerUnaryReactor* StoreBatch(grpc::CallbackServerContext* call,
                                       const v1::StoreBatchRequest* request,
                                       v1::StoreBatchResponse* response) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* call, const v1::GetRequest* request,
                                v1::GetResponse* response) override;
  grpc::ServerUnaryReactor* Delete(grpc::CallbackServerContext* call,
                                   const v1::DeleteRequest* request,
                                   v1::DeleteResponse* response) override;
  grpc::ServerUnaryReactor* Invalidate(grpc::CallbackServerContext* call,
                                       const v1::InvalidateRequest* request,
                                       v1::InvalidateResponse* response) override;
  grpc::ServerUnaryReactor* Scan(grpc::CallbackServerContext* call, const v1::ScanRequest* request,
                                 v1::ScanResponse* response) override;

 private:
  ServiceCore* const core_;
  StreamSet* const streams_;
};

}  // namespace nearhit::server
