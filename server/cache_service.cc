#include "server/cache_service.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "server/scan.h"
#include "server/stream.h"

namespace nearhit::server {
namespace {

Status DoLookup(Database* db, const v1::LookupRequest& request, TimePoint deadline, bool fast,
                v1::LookupResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto cache, db->Cache(request.namespace_()));
  NEARHIT_ASSIGN_OR_RETURN(const DecodedPrompt decoded, DecodePrompt(request.prompt()));
  LookupOptions options = DecodeLookupOptions(request.options(), deadline);
  options.only_if_fast = options.only_if_fast || fast;
  NEARHIT_ASSIGN_OR_RETURN(LookupResult result, cache->Lookup(decoded.prompt, options));
  ToProto(std::move(result), response->mutable_result());
  return Status();
}

Status DoLookupBatch(ServiceContext* context, const v1::LookupBatchRequest& request,
                     TimePoint deadline, std::function<Status()> still_wanted,
                     v1::LookupBatchResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto cache, context->db->Cache(request.namespace_()));
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
  LookupOptions options = DecodeLookupOptions(request.options(), deadline);
  options.still_wanted = std::move(still_wanted);
  options.max_result_bytes = context->max_message_bytes;
  NEARHIT_ASSIGN_OR_RETURN(std::vector<LookupResult> results, cache->LookupBatch(prompts, options));
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

Lane LaneOf(Database* db, const std::string& name, bool any_text) {
  if (!any_text) {
    return Lane::kStorage;
  }
  const auto cache = db->Cache(name);
  return cache.ok() && (*cache)->EmbedderMayWait() ? Lane::kEmbedding : Lane::kStorage;
}

Lane LaneOf(Database* db, const v1::LookupRequest& request) {
  return LaneOf(db, request.namespace_(),
                !request.options().exact_only() && IsText(request.prompt()));
}

Lane LaneOf(Database* db, const v1::LookupBatchRequest& request) {
  return LaneOf(db, request.namespace_(),
                !request.options().exact_only() &&
                    std::any_of(request.prompts().begin(), request.prompts().end(), &IsText));
}

Lane LaneOf(Database* db, const v1::StoreRequest& request) {
  return LaneOf(db, request.namespace_(), IsText(request.item().prompt()));
}

Lane LaneOf(Database* db, const v1::StoreBatchRequest& request) {
  return LaneOf(db, request.namespace_(),
                std::any_of(request.items().begin(), request.items().end(),
                            [](const v1::StoreItem& item) { return IsText(item.prompt()); }));
}

}  // namespace

CacheService::CacheService(ServiceContext* context) : context_(context) {
  Unary("Lookup", &CacheService::Lookup);
  Unary("LookupBatch", &CacheService::LookupBatch);
  Unary("Store", &CacheService::Store);
  Unary("StoreBatch", &CacheService::StoreBatch);
  Unary("Get", &CacheService::Get);
  Unary("Delete", &CacheService::Delete);
  Unary("Invalidate", &CacheService::Invalidate);
  Unary("Scan", &CacheService::Scan);
  Stream<v1::LookupStreamResponse>("LookupStream", [this](grpc::CallbackServerContext* call) {
    const auto handler = [this](bool fast) {
      return [this, fast](const v1::LookupStreamRequest& item, TimePoint deadline,
                          v1::LookupStreamResponse* out) {
        return DoLookup(context_->db, item.request(), deadline, fast, out->mutable_response());
      };
    };
    return new ItemStream<v1::LookupStreamRequest, v1::LookupStreamResponse>(
        context_, call,
        [this](const v1::LookupStreamRequest& item) {
          return LaneOf(context_->db, item.request());
        },
        handler(false), handler(true));
  });
  Stream<v1::StoreStreamResponse>("StoreStream", [this](grpc::CallbackServerContext* call) {
    return new ItemStream<v1::StoreStreamRequest, v1::StoreStreamResponse>(
        context_, call,
        [this](const v1::StoreStreamRequest& item) { return LaneOf(context_->db, item.request()); },
        [this](const v1::StoreStreamRequest& item, TimePoint deadline,
               v1::StoreStreamResponse* out) {
          return DoStoreBatch(context_->db, item.request(), deadline, out->mutable_response());
        });
  });
}

grpc::ServerUnaryReactor* CacheService::Lookup(grpc::CallbackServerContext* call,
                                               const v1::LookupRequest* request,
                                               v1::LookupResponse* response) {
  Status status = CheckRoom<v1::LookupResponse>(*context_);
  if (status.ok()) {
    status = DoLookup(context_->db, *request, ToSteadyDeadline(call->deadline()), /*fast=*/true,
                      response);
  }
  if (status.code() != StatusCode::kUnavailable || request->options().only_if_fast()) {
    if (status.ok()) {
      CallMessages<v1::LookupRequest, v1::LookupResponse>::Holder::Of(call)->CountAnswer(
          &context_->answers);
    }
    grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
    reactor->Finish(ToGrpcStatus(status));
    return reactor;
  }
  return RunOnPool(context_, LaneOf(context_->db, *request), call, request, response,
                   [this, request, response](TimePoint deadline) {
                     return DoLookup(context_->db, *request, deadline, /*fast=*/false, response);
                   });
}

grpc::ServerUnaryReactor* CacheService::LookupBatch(grpc::CallbackServerContext* call,
                                                    const v1::LookupBatchRequest* request,
                                                    v1::LookupBatchResponse* response) {
  return RunOnPool(context_, LaneOf(context_->db, *request), call, request, response,
                   [this, call, request, response](TimePoint deadline) {
                     return DoLookupBatch(context_, *request, deadline,
                                          StillWanted(context_, call, deadline), response);
                   });
}

grpc::ServerUnaryReactor* CacheService::Store(grpc::CallbackServerContext* call,
                                              const v1::StoreRequest* request,
                                              v1::StoreResponse* response) {
  return RunOnPool(context_, LaneOf(context_->db, *request), call, request, response,
                   [this, request, response](TimePoint deadline) {
                     return DoStore(context_->db, *request, deadline, response);
                   });
}

grpc::ServerUnaryReactor* CacheService::StoreBatch(grpc::CallbackServerContext* call,
                                                   const v1::StoreBatchRequest* request,
                                                   v1::StoreBatchResponse* response) {
  return RunOnPool(context_, LaneOf(context_->db, *request), call, request, response,
                   [this, request, response](TimePoint deadline) {
                     return DoStoreBatch(context_->db, *request, deadline, response);
                   });
}

grpc::ServerUnaryReactor* CacheService::Get(grpc::CallbackServerContext* call,
                                            const v1::GetRequest* request,
                                            v1::GetResponse* response) {
  return RunOnPool(context_, Lane::kStorage, call, request, response,
                   [this, request, response](TimePoint) -> Status {
                     NEARHIT_ASSIGN_OR_RETURN(auto cache,
                                              context_->db->Cache(request->namespace_()));
                     NEARHIT_ASSIGN_OR_RETURN(Entry entry, cache->Get(EntryId{request->id()}));
                     ToProto(std::move(entry), response->mutable_entry());
                     return Status();
                   });
}

grpc::ServerUnaryReactor* CacheService::Delete(grpc::CallbackServerContext* call,
                                               const v1::DeleteRequest* request,
                                               v1::DeleteResponse* response) {
  return RunOnPool(context_, Lane::kStorage, call, request, response,
                   [this, request, response](TimePoint) -> Status {
                     NEARHIT_ASSIGN_OR_RETURN(auto cache,
                                              context_->db->Cache(request->namespace_()));
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
  return RunOnPool(context_, Lane::kStorage, call, request, response,
                   [this, request, response](TimePoint) {
                     return DoInvalidate(context_->db, *request, response);
                   });
}

grpc::ServerUnaryReactor* CacheService::Scan(grpc::CallbackServerContext* call,
                                             const v1::ScanRequest* request,
                                             v1::ScanResponse* response) {
  return RunOnPool(context_, Lane::kStorage, call, request, response,
                   [this, request, response](TimePoint) -> Status {
                     NEARHIT_ASSIGN_OR_RETURN(auto cache,
                                              context_->db->Cache(request->namespace_()));
                     return FillPage(cache.get(), *request, response);
                   });
}

}  // namespace nearhit::server
