// The work of nearhit.v1.Cache on labels: messages in, the public API, messages out.
#pragma once

#include "nearhit/v1/cache.pb.h"
#include "server/calls/call.h"

namespace nearhit::server {

Status DoLabel(ServiceCore* core, const v1::LabelRequest& request, const CallContext& call,
               v1::LabelResponse* response);
Status DoPolicy(ServiceCore* core, const v1::PolicyRequest& request, const CallContext& call,
                v1::PolicyResponse* response);

// That of the embedder: a label needs the vectors of both texts.
Lane LaneOfLabel(ServiceCore* core, const v1::LabelRequest& request);

}  // namespace nearhit::server
