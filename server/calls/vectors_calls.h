// The work of nearhit.v1.Vectors: messages in, the public API, messages out.
#pragma once

#include "nearhit/v1/vectors.pb.h"
#include "server/calls/call.h"

namespace nearhit::server {

Status DoUpsert(ServiceCore* core, const v1::UpsertRequest& request, const CallContext& call,
                v1::UpsertResponse* response);
Status DoSearch(ServiceCore* core, const v1::SearchRequest& request, const CallContext& call,
                v1::SearchResponse* response);
Status DoSearchBatch(ServiceCore* core, const v1::SearchBatchRequest& request,
                     const CallContext& call, v1::SearchBatchResponse* response);
Status DoGetVector(ServiceCore* core, const v1::GetVectorRequest& request, const CallContext& call,
                   v1::GetVectorResponse* response);
Status DoDeleteVectors(ServiceCore* core, const v1::DeleteVectorsRequest& request,
                       const CallContext& call, v1::DeleteVectorsResponse* response);
Status DoScanVectors(ServiceCore* core, const v1::ScanVectorsRequest& request,
                     const CallContext& call, v1::ScanVectorsResponse* response);
Status DoEmbed(ServiceCore* core, const v1::EmbedRequest& request, const CallContext& call,
               v1::EmbedResponse* response);

}  // namespace nearhit::server
