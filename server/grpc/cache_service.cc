#include "server/grpc/cache_service.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "server/grpc/scan.h"
#include "server/grpc/stream.h"

namespace nearhit::server {
namespace {

// A lookup that is tried on gRPC's thread. One that has to wait goes on where it stopped, on a
// thread of the pool.
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

Status DoStore(Database* db, const v1::StoreRequest& request, TimePoint deadline,
               v1::StoreResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto cache, db->Cache(request.namespace_()));
  const v1::StoreItem* const item = &request.item();
  NEARHIT_ASSIGN_OR_RETURN(const DecodedStores decoded, DecodeStores({&item, 1}, deadline));
  NEARHIT_ASSIGN_OR_RETURN(const StoreResult result, cache->Store(decoded.requests.front()));
  ToProto(result, response->mutable_result());
  return Status();
}

Status DoStoreBatch(Database* db, const v1::StoreBatchRequest& request, TimePoint deadline,
                    v1::StoreBatchResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto cache, db->Cache(request.namespace_()));
  const std::span<const v1::StoreItem* const> items(request.items().data(),
                                                    static_cast<std::size_t>(request.items_size()));
  NEARHIT_ASSIGN_OR_RETURN(const DecodedStores decoded, DecodeStores(items, deadline));
  NEARHIT_ASSIGN_OR_RETURN(const std::vector<StoreResult> results,
                           cache->StoreBatch(decoded.requests));
  response->mutable_results()->Reserve(static_cast<int>(results.size()));
  for (const StoreResult& result : results) {
    ToProto(result, response->add_results());
  }
  return Status();
}

Status DoInvalidate(Database* db, const v1::InvalidateRequest& request,
                    v1::InvalidateResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto cache, db->Cache(request.namespace_()));
  NEARHIT_ASSIGN_OR_RETURN(const InvalidateResult result,
                           cache->Invalidate(DecodeInvalidate(request)));
  response->set_matched(result.matched);
  response->set_deleted(result.deleted);
  return Status();
}

bool IsText(const v1::Prompt& prompt) {
  return prompt.vector().empty();
}

Lane LaneOf(ServiceCore* core, const v1::LookupBatchRequest& request) {
  return core->LaneOf(request.namespace_(),
                      !request.options().exact_only() &&
                          std::any_of(request.prompts().begin(), request.prompts().end(), &IsText));
}

Lane LaneOf(ServiceCore* core, const v1::StoreRequest& request) {
  return core->LaneOf(request.namespace_(), IsText(request.item().prompt()));
}

Lane LaneOf(ServiceCore* core, const v1::StoreBatchRequest& request) {
  return core->LaneOf(request.namespace_(),
                      std::any_of(request.items().begin(), request.items().end(),
                                  [](const v1::StoreItem& item) { return IsText(item.prompt()); }));
}

}  // namespace

CacheService::CacheService(ServiceCore* core, StreamSet* streams) : core_(core), streams_(streams) {
  Unary("Lookup", &CacheService::Lookup);
  Unary("LookupBatch", &CacheService::LookupBatch);
  Unary("Store", &CacheService::Store);
  Unary("StoreBatch", &CacheService::StoreBatch);
  Unary("Get", &CacheService::Get);
  Unary("Delete", &CacheService::Delete);
  Unary("Invalidate", &CacheService::Invalidate);
  Unary("Scan", &CacheService::Scan);
  Stream<v1::LookupStreamResponse>("LookupStream", [this](grpc::CallbackServerContext* call) {
    using Items = ItemStream<v1::LookupStreamRequest, v1::LookupStreamResponse>;
    return new Items(core_, streams_, call,
                     [this](const v1::LookupStreamRequest& item, TimePoint deadline,
                            v1::LookupStreamResponse* out, Items::Work* rest) {
                       WaitingLookup lookup;
                       Status status =
                           lookup.Try(core_, item.request(), deadline, out->mutable_response());
                       if (status.code() == StatusCode::kWouldBlock) {
                         rest->lane = lookup.lane();
                         rest->run = [waiting = std::make_shared<WaitingLookup>(std::move(lookup))](
                                         v1::LookupStreamResponse* response) {
                           return waiting->Finish(response->mutable_response());
                         };
                       }
                       return status;
                     });
  });
  Stream<v1::StoreStreamResponse>("StoreStream", [this](grpc::CallbackServerContext* call) {
    using Items = ItemStream<v1::StoreStreamRequest, v1::StoreStreamResponse>;
    return new Items(core_, streams_, call,
                     [this](const v1::StoreStreamRequest& item, TimePoint deadline,
                            v1::StoreStreamResponse*, Items::Work* rest) {
                       rest->lane = LaneOf(core_, item.request());
                       rest->run = [this, &item, deadline](v1::StoreStreamResponse* out) {
                         return DoStoreBatch(&core_->db(), item.request(), deadline,
                                             out->mutable_response());
                       };
                       return WouldBlock("a store waits for storage");
                     });
  });
}

grpc::ServerUnaryReactor* CacheService::Lookup(grpc::CallbackServerContext* call,
                                               const v1::LookupRequest* request,
                                               v1::LookupResponse* response) {
  WaitingLookup lookup;
  Status status = CheckRoom<v1::LookupResponse>(core_);
  if (status.ok()) {
    status = lookup.Try(core_, *request, ToSteadyDeadline(call->deadline()), response);
  }
  if (status.code() != StatusCode::kWouldBlock) {
    if (status.ok()) {
      CallMessages<v1::LookupRequest, v1::LookupResponse>::Holder::Of(call)->CountAnswer(
          &core_->answers());
    }
    grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
    reactor->Finish(ToGrpcStatus(status));
    return reactor;
  }
  const Lane lane = lookup.lane();
  return RunOnPool(core_, lane, call, request, response,
                   [waiting = std::make_shared<WaitingLookup>(std::move(lookup)),
                    response](const CallContext&) { return waiting->Finish(response); });
}

grpc::ServerUnaryReactor* CacheService::LookupBatch(grpc::CallbackServerContext* call,
                                                    const v1::LookupBatchRequest* request,
                                                    v1::LookupBatchResponse* response) {
  return RunOnPool(core_, LaneOf(core_, *request), call, request, response,
                   [this, request, response](const CallContext& context) {
                     return DoLookupBatch(core_, *request, context, response);
                   });
}

grpc::ServerUnaryReactor* CacheService::Store(grpc::CallbackServerContext* call,
                                              const v1::StoreRequest* request,
                                              v1::StoreResponse* response) {
  return RunOnPool(core_, LaneOf(core_, *request), call, request, response,
                   [this, request, response](const CallContext& context) {
                     return DoStore(&core_->db(), *request, context.deadline, response);
                   });
}

grpc::ServerUnaryReactor* CacheService::StoreBatch(grpc::CallbackServerContext* call,
                                                   const v1::StoreBatchRequest* request,
                                                   v1::StoreBatchResponse* response) {
  return RunOnPool(core_, LaneOf(core_, *request), call, request, response,
                   [this, request, response](const CallContext& context) {
                     return DoStoreBatch(&core_->db(), *request, context.deadline, response);
                   });
}

grpc::ServerUnaryReactor* CacheService::Get(grpc::CallbackServerContext* call,
                                            const v1::GetRequest* request,
                                            v1::GetResponse* response) {
  return RunOnPool(core_, Lane::kStorage, call, request, response,
                   [this, request, response](const CallContext&) -> Status {
                     NEARHIT_ASSIGN_OR_RETURN(auto cache, core_->db().Cache(request->namespace_()));
                     NEARHIT_ASSIGN_OR_RETURN(Entry entry, cache->Get(EntryId{request->id()}));
                     ToProto(std::move(entry), response->mutable_entry());
                     return Status();
                   });
}

grpc::ServerUnaryReactor* CacheService::Delete(grpc::CallbackServerContext* call,
                                               const v1::DeleteRequest* request,
                                               v1::DeleteResponse* response) {
  return RunOnPool(core_, Lane::kStorage, call, request, response,
                   [this, request, response](const CallContext&) -> Status {
                     NEARHIT_ASSIGN_OR_RETURN(auto cache, core_->db().Cache(request->namespace_()));
                     NEARHIT_ASSIGN_OR_RETURN(const Durability durability,
                                              DecodeDurability(request->durability()));
                     NEARHIT_ASSIGN_OR_RETURN(const bool deleted,
                                              cache->Delete(EntryId{request->id()}, durability));
                     response->set_deleted(deleted);
                     return Status();
                   });
}

grpc::ServerUnaryReactor* CacheService::Invalidate(grpc::CallbackServerContext* call,
                                                   const v1::InvalidateRequest* request,
                                                   v1::InvalidateResponse* response) {
  return RunOnPool(core_, Lane::kStorage, call, request, response,
                   [this, request, response](const CallContext&) {
                     return DoInvalidate(&core_->db(), *request, response);
                   });
}

grpc::ServerUnaryReactor* CacheService::Scan(grpc::CallbackServerContext* call,
                                             const v1::ScanRequest* request,
                                             v1::ScanResponse* response) {
  return RunOnPool(core_, Lane::kStorage, call, request, response,
                   [this, request, response](const CallContext&) -> Status {
                     NEARHIT_ASSIGN_OR_RETURN(auto cache, core_->db().Cache(request->namespace_()));
                     return FillPage(cache.get(), *request, response);
                   });
}

}  // namespace nearhit::server
