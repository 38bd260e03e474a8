#include "server/calls/cache_calls.h"

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "server/calls/convert.h"
#include "server/calls/scan.h"

namespace nearhit::server {
namespace {

class WaitingLookup {
 public:
  // `request` must outlive the lookup. kWouldBlock: Finish() is left.
  Status Try(ServiceCore* core, const v1::LookupRequest& request, TimePoint deadline,
             v1::LookupResponse* response) {
    NEARHIT_ASSIGN_OR_RETURN(decoded_, DecodePrompt(request.prompt()));
    const LookupOptions options = DecodeLookupOptions(request.options(), deadline);
    return Answer(core->TryLookup(request.namespace_(), decoded_.prompt, options, &rest_),
                  response);
  }
  Status Finish(v1::LookupResponse* response) { return Answer(rest_->Finish(), response); }
  Lane lane() const { return ServiceCore::LaneOf(*rest_); }

 private:
  static Status Answer(Result<LookupResult> result, v1::LookupResponse* response) {
    NEARHIT_RETURN_IF_ERROR(result.status());
    ToProto(*std::move(result), response->mutable_result());
    return Status();
  }

  DecodedPrompt decoded_;  // the lookup views it
  std::unique_ptr<PendingLookup> rest_;
};

bool IsText(const v1::Prompt& prompt) {
  return prompt.vector().empty();
}

}  // namespace

Status BeginLookup(ServiceCore* core, const v1::LookupRequest& request, const CallContext& call,
                   v1::LookupResponse* response, RestOfCall<v1::LookupResponse>* rest) {
  WaitingLookup lookup;
  Status status = lookup.Try(core, request, call.deadline, response);
  if (status.code() == StatusCode::kWouldBlock) {
    rest->lane = lookup.lane();
    rest->run = [waiting = std::make_shared<WaitingLookup>(std::move(lookup))](
                    const CallContext&, v1::LookupResponse* out) { return waiting->Finish(out); };
  }
  return status;
}

Status DoLookupBatch(ServiceCore* core, const v1::LookupBatchRequest& request,
                     const CallContext& call, v1::LookupBatchResponse* response) {
  const auto count = static_cast<std::size_t>(request.prompts_size());
  std::vector<Prompt> prompts;
  std::vector<std::vector<float>> vectors;
  prompts.reserve(count);
  vectors.reserve(count);
  for (const v1::Prompt& prompt : request.prompts()) {
    auto decoded = DecodePrompt(prompt);
    if (!decoded.ok()) {
      return Status(decoded.status().code(), "prompts[" + std::to_string(prompts.size()) +
                                                 "]: " + std::string(decoded.status().message()));
    }
    prompts.push_back(decoded->prompt);
    vectors.push_back(std::move(decoded->vector));
  }
  const LookupOptions options = DecodeLookupOptions(request.options(), call.deadline);
  NEARHIT_ASSIGN_OR_RETURN(std::vector<LookupResult> results,
                           core->LookupBatch(request.namespace_(), prompts, options, call));
  response->mutable_results()->Reserve(static_cast<int>(results.size()));
  for (LookupResult& result : results) {
    ToProto(std::move(result), response->add_results());
  }
  return Status();
}

Status DoStore(ServiceCore* core, const v1::StoreRequest& request, const CallContext& call,
               v1::StoreResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto cache, core->db().Cache(request.namespace_()));
  const v1::StoreItem* const item = &request.item();
  NEARHIT_ASSIGN_OR_RETURN(const DecodedStores decoded, DecodeStores({&item, 1}, call.deadline));
  NEARHIT_ASSIGN_OR_RETURN(const StoreResult result, cache->Store(decoded.requests.front()));
  ToProto(result, response->mutable_result());
  return Status();
}

Status DoStoreBatch(ServiceCore* core, const v1::StoreBatchRequest& request,
                    const CallContext& call, v1::StoreBatchResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto cache, core->db().Cache(request.namespace_()));
  const std::span<const v1::StoreItem* const> items(request.items().data(),
                                                    static_cast<std::size_t>(request.items_size()));
  NEARHIT_ASSIGN_OR_RETURN(const DecodedStores decoded, DecodeStores(items, call.deadline));
  NEARHIT_ASSIGN_OR_RETURN(const std::vector<StoreResult> results,
                           cache->StoreBatch(decoded.requests));
  response->mutable_results()->Reserve(static_cast<int>(results.size()));
  for (const StoreResult& result : results) {
    ToProto(result, response->add_results());
  }
  return Status();
}

Status DoGet(ServiceCore* core, const v1::GetRequest& request, const CallContext&,
             v1::GetResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto cache, core->db().Cache(request.namespace_()));
  NEARHIT_ASSIGN_OR_RETURN(Entry entry, cache->Get(EntryId{request.id()}));
  ToProto(std::move(entry), response->mutable_entry());
  return Status();
}

Status DoDelete(ServiceCore* core, const v1::DeleteRequest& request, const CallContext&,
                v1::DeleteResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto cache, core->db().Cache(request.namespace_()));
  NEARHIT_ASSIGN_OR_RETURN(const Durability durability, DecodeDurability(request.durability()));
  NEARHIT_ASSIGN_OR_RETURN(const bool deleted, cache->Delete(EntryId{request.id()}, durability));
  response->set_deleted(deleted);
  return Status();
}

Status DoInvalidate(ServiceCore* core, const v1::InvalidateRequest& request, const CallContext&,
                    v1::InvalidateResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto cache, core->db().Cache(request.namespace_()));
  NEARHIT_ASSIGN_OR_RETURN(const InvalidateResult result,
                           cache->Invalidate(DecodeInvalidate(request)));
  response->set_matched(result.matched);
  response->set_deleted(result.deleted);
  return Status();
}

Status DoScan(ServiceCore* core, const v1::ScanRequest& request, const CallContext&,
              v1::ScanResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto cache, core->db().Cache(request.namespace_()));
  return FillPage(cache.get(), request, response);
}

Lane LaneOfLookupBatch(ServiceCore* core, const v1::LookupBatchRequest& request) {
  return core->LaneOf(request.namespace_(),
                      !request.options().exact_only() &&
                          std::any_of(request.prompts().begin(), request.prompts().end(), &IsText));
}

Lane LaneOfStore(ServiceCore* core, const v1::StoreRequest& request) {
  return core->LaneOf(request.namespace_(), IsText(request.item().prompt()));
}

Lane LaneOfStoreBatch(ServiceCore* core, const v1::StoreBatchRequest& request) {
  return core->LaneOf(request.namespace_(),
                      std::any_of(request.items().begin(), request.items().end(),
                                  [](const v1::StoreItem& item) { return IsText(item.prompt()); }));
}

}  // namespace nearhit::server
