// nearhit.v1.Vectors over Database::Vectors() and Database::Embed().
#pragma once

#include "nearhit/v1/vectors.grpc.pb.h"
#include "server/core/stream_set.h"
#include "server/grpc/call.h"
#include "server/grpc/parsing_service.h"

namespace nearhit::server {

// Every call runs on the pool.
//
// Thread-safety: thread-safe.
class VectorsService final : public ParsingService<v1::Vectors> {
 public:
  // Both must outlive it.
  VectorsService(ServiceCore* core, StreamSet* streams);

  grpc::ServerUnaryReactor* Upsert(grpc::CallbackServerContext* call,
                                   const v1::UpsertRequest* request,
                                   v1::UpsertResponse* response) override;
  grpc::ServerUnaryReactor* Search(grpc::CallbackServerContext* call,
                                   const v1::SearchRequest* request,
                                   v1::SearchResponse* response) override;
  grpc::ServerUnaryReactor* SearchBatch(grpc::CallbackServerContext* call,
                                        const v1::SearchBatchRequest* request,
                                        v1::SearchBatchResponse* response) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* call,
                                const v1::GetVectorRequest* request,
                                v1::GetVectorResponse* response) override;
  grpc::ServerUnaryReactor* Delete(grpc::CallbackServerContext* call,
                                   const v1::DeleteVectorsRequest* request,
                                   v1::DeleteVectorsResponse* response) override;
  grpc::ServerUnaryReactor* Scan(grpc::CallbackServerContext* call,
                                 const v1::ScanVectorsRequest* request,
                                 v1::ScanVectorsResponse* response) override;
  grpc::ServerUnaryReactor* Embed(grpc::CallbackServerContext* call,
                                  const v1::EmbedRequest* request,
                                  v1::EmbedResponse* response) override;

 private:
  ServiceCore* const core_;
  StreamSet* const streams_;
};

}  // namespace nearhit::server
