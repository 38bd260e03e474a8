#include "server/grpc/vectors_service.h"

#include <string_view>
#include <utility>
#include <vector>

#include "server/grpc/scan.h"
#include "server/grpc/stream.h"

namespace nearhit::server {
namespace {

Status DoUpsert(Database* db, const v1::UpsertRequest& request, v1::UpsertResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto store, db->Vectors(request.namespace_()));
  NEARHIT_ASSIGN_OR_RETURN(const Durability durability, DecodeDurability(request.durability()));
  NEARHIT_ASSIGN_OR_RETURN(const DecodedUpserts decoded, DecodeUpserts(request));
  NEARHIT_ASSIGN_OR_RETURN(const std::vector<EntryId> ids,
                           store->Upsert(decoded.requests, durability));
  response->mutable_ids()->Reserve(static_cast<int>(ids.size()));
  for (const EntryId id : ids) {
    response->add_ids(id.value);
  }
  return Status();
}

template <typename Out>
void HitsToProto(std::vector<VectorHit>&& hits, Out* out) {
  out->mutable_hits()->Reserve(static_cast<int>(hits.size()));
  for (VectorHit& hit : hits) {
    ToProto(std::move(hit), out->add_hits());
  }
}

Status DoSearch(ServiceCore* core, const v1::SearchRequest& request, const CallContext& call,
                v1::SearchResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(const std::vector<float> query, DecodeVector("query", request.query()));
  VectorSearchOptions options = DecodeSearchOptions(request.options());
  SearchExplanation explanation;
  if (request.options().explain()) {
    options.explanation = &explanation;
  }
  NEARHIT_ASSIGN_OR_RETURN(std::vector<VectorHit> hits,
                           core->Search(request.namespace_(), query, options, call));
  HitsToProto(std::move(hits), response);
  if (request.options().explain()) {
    ToProto(explanation, response->mutable_explanation());
  }
  return Status();
}

Status DoSearchBatch(ServiceCore* core, const v1::SearchBatchRequest& request,
                     const CallContext& call, v1::SearchBatchResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(const std::vector<float> queries,
                           DecodeVector("queries", request.queries()));
  NEARHIT_ASSIGN_OR_RETURN(std::vector<std::vector<VectorHit>> rows,
                           core->SearchBatch(request.namespace_(), queries,
                                             DecodeSearchOptions(request.options()), call));
  response->mutable_results()->Reserve(static_cast<int>(rows.size()));
  for (std::vector<VectorHit>& hits : rows) {
    HitsToProto(std::move(hits), response->add_results());
  }
  return Status();
}

Status DoGet(Database* db, const v1::GetVectorRequest& request, v1::GetVectorResponse* response) {
  if (request.which_case() == v1::GetVectorRequest::WHICH_NOT_SET) {
    return InvalidArgument("one of key and id must be set");
  }
  NEARHIT_ASSIGN_OR_RETURN(auto store, db->Vectors(request.namespace_()));
  auto entry =
      request.has_key() ? store->Get(request.key()) : store->GetById(EntryId{request.id()});
  NEARHIT_RETURN_IF_ERROR(entry.status());
  ToProto(*std::move(entry), response->mutable_entry());
  return Status();
}

Status DoDelete(Database* db, const v1::DeleteVectorsRequest& request,
                v1::DeleteVectorsResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto store, db->Vectors(request.namespace_()));
  NEARHIT_ASSIGN_OR_RETURN(const Durability durability, DecodeDurability(request.durability()));
  const std::vector<std::string_view> keys(request.keys().begin(), request.keys().end());
  NEARHIT_ASSIGN_OR_RETURN(const std::uint64_t deleted, store->Delete(keys, durability));
  response->set_deleted(deleted);
  return Status();
}

Status DoEmbed(ServiceCore* core, const v1::EmbedRequest& request, TimePoint deadline,
               v1::EmbedResponse* response) {
  const std::vector<std::string_view> texts(request.texts().begin(), request.texts().end());
  NEARHIT_ASSIGN_OR_RETURN(Embeddings made, core->Embed(request.namespace_(), texts, deadline));
  response->set_embedder_identity(std::move(made.embedder_identity));
  response->mutable_vectors()->Reserve(static_cast<int>(made.vectors.size()));
  for (const std::vector<float>& vector : made.vectors) {
    *response->add_vectors() = EncodeVector(vector);
  }
  return Status();
}

}  // namespace

VectorsService::VectorsService(ServiceCore* core, StreamSet* streams)
    : core_(core), streams_(streams) {
  Unary("Upsert", &VectorsService::Upsert);
  Unary("Search", &VectorsService::Search);
  Unary("SearchBatch", &VectorsService::SearchBatch);
  Unary("Get", &VectorsService::Get);
  Unary("Delete", &VectorsService::Delete);
  Unary("Scan", &VectorsService::Scan);
  Unary("Embed", &VectorsService::Embed);
  Stream<v1::UpsertStreamResponse>("UpsertStream", [this](grpc::CallbackServerContext* call) {
    using Items = ItemStream<v1::UpsertStreamRequest, v1::UpsertStreamResponse>;
    return new Items(core_, streams_, call,
                     [this](const v1::UpsertStreamRequest& item, TimePoint,
                            v1::UpsertStreamResponse*, Items::Work* rest) {
                       rest->run = [this, &item](v1::UpsertStreamResponse* out) {
                         return DoUpsert(&core_->db(), item.request(), out->mutable_response());
                       };
                       return WouldBlock("an upsert waits for storage");
                     });
  });
}

grpc::ServerUnaryReactor* VectorsService::Upsert(grpc::CallbackServerContext* call,
                                                 const v1::UpsertRequest* request,
                                                 v1::UpsertResponse* response) {
  return RunOnPool(core_, Lane::kStorage, call, request, response,
                   [this, request, response](const CallContext&) {
                     return DoUpsert(&core_->db(), *request, response);
                   });
}

grpc::ServerUnaryReactor* VectorsService::Search(grpc::CallbackServerContext* call,
                                                 const v1::SearchRequest* request,
                                                 v1::SearchResponse* response) {
  return RunOnPool(core_, Lane::kStorage, call, request, response,
                   [this, request, response](const CallContext& context) {
                     return DoSearch(core_, *request, context, response);
                   });
}

grpc::ServerUnaryReactor* VectorsService::SearchBatch(grpc::CallbackServerContext* call,
                                                      const v1::SearchBatchRequest* request,
                                                      v1::SearchBatchResponse* response) {
  return RunOnPool(core_, Lane::kStorage, call, request, response,
                   [this, request, response](const CallContext& context) {
                     return DoSearchBatch(core_, *request, context, response);
                   });
}

grpc::ServerUnaryReactor* VectorsService::Get(grpc::CallbackServerContext* call,
                                              const v1::GetVectorRequest* request,
                                              v1::GetVectorResponse* response) {
  return RunOnPool(core_, Lane::kStorage, call, request, response,
                   [this, request, response](const CallContext&) {
                     return DoGet(&core_->db(), *request, response);
                   });
}

grpc::ServerUnaryReactor* VectorsService::Delete(grpc::CallbackServerContext* call,
                                                 const v1::DeleteVectorsRequest* request,
                                                 v1::DeleteVectorsResponse* response) {
  return RunOnPool(core_, Lane::kStorage, call, request, response,
                   [this, request, response](const CallContext&) {
                     return DoDelete(&core_->db(), *request, response);
                   });
}

grpc::ServerUnaryReactor* VectorsService::Scan(grpc::CallbackServerContext* call,
                                               const v1::ScanVectorsRequest* request,
                                               v1::ScanVectorsResponse* response) {
  return RunOnPool(core_, Lane::kStorage, call, request, response,
                   [this, request, response](const CallContext&) -> Status {
                     NEARHIT_ASSIGN_OR_RETURN(auto store,
                                              core_->db().Vectors(request->namespace_()));
                     return FillPage(store.get(), *request, response);
                   });
}

grpc::ServerUnaryReactor* VectorsService::Embed(grpc::CallbackServerContext* call,
                                                const v1::EmbedRequest* request,
                                                v1::EmbedResponse* response) {
  return RunOnPool(core_, Lane::kEmbedding, call, request, response,
                   [this, request, response](const CallContext& context) {
                     return DoEmbed(core_, *request, context.deadline, response);
                   });
}

}  // namespace nearhit::server
