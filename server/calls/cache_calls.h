// The work of nearhit.v1.Cache: messages in, the public API, messages out.
#pragma once

#include "nearhit/v1/cache.pb.h"
#include "server/calls/call.h"

namespace nearhit::server {

// A lookup that has to wait goes on where it stopped.
Status BeginLookup(ServiceCore* core, const v1::LookupRequest& request, const CallContext& call,
                   v1::LookupResponse* response, RestOfCall<v1::LookupResponse>* rest);
Status DoLookupBatch(ServiceCore* core, const v1::LookupBatchRequest& request,
                     const CallContext& call, v1::LookupBatchResponse* response);
Status DoStore(ServiceCore* core, const v1::StoreRequest& request, const CallContext& call,
               v1::StoreResponse* response);
Status DoStoreBatch(ServiceCore* core, const v1::StoreBatchRequest& request,
                    const CallContext& call, v1::StoreBatchResponse* response);
Status DoGet(ServiceCore* core, const v1::GetRequest& request, const CallContext& call,
             v1::GetResponse* response);
Status DoDelete(ServiceCore* core, const v1::DeleteRequest& request, const CallContext& call,
                v1::DeleteResponse* response);
Status DoInvalidate(ServiceCore* core, const v1::InvalidateRequest& request,
                    const CallContext& call, v1::InvalidateResponse* response);
Status DoScan(ServiceCore* core, const v1::ScanRequest& request, const CallContext& call,
              v1::ScanResponse* response);

// That of the embedder, if the call needs one that may wait.
Lane LaneOfLookupBatch(ServiceCore* core, const v1::LookupBatchRequest& request);
Lane LaneOfStore(ServiceCore* core, const v1::StoreRequest& request);
Lane LaneOfStoreBatch(ServiceCore* core, const v1::StoreBatchRequest& request);

}  // namespace nearhit::server
