#include "server/vectors_service.h"

#include <string_view>
#include <utility>
#include <vector>

#include "server/scan.h"
#include "server/stream.h"

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

Status DoSearch(Database* db, const v1::SearchRequest& request, v1::SearchResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto store, db->Vectors(request.namespace_()));
  NEARHIT_ASSIGN_OR_RETURN(const std::vector<float> query, DecodeVector("query", request.query()));
  NEARHIT_ASSIGN_OR_RETURN(std::vector<VectorHit> hits,
                           store->Search(query, DecodeSearchOptions(request.options())));
  HitsToProto(std::move(hits), response);
  return Status();
}

Status DoSearchBatch(Database* db, const v1::SearchBatchRequest& request,
                     v1::SearchBatchResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto store, db->Vectors(request.namespace_()));
  NEARHIT_ASSIGN_OR_RETURN(const std::vector<float> queries,
                           DecodeVector("queries", request.queries()));
  NEARHIT_ASSIGN_OR_RETURN(std::vector<std::vector<VectorHit>> rows,
                           store->SearchBatch(queries, DecodeSearchOptions(request.options())));
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

Status DoEmbed(Database* db, const v1::EmbedRequest& request, TimePoint deadline,
               v1::EmbedResponse* response) {
  const std::vector<std::string_view> texts(request.texts().begin(), request.texts().end());
  NEARHIT_ASSIGN_OR_RETURN(Embeddings made, db->Embed(request.namespace_(), texts, deadline));
  response->set_embedder_identity(std::move(made.embedder_identity));
  response->mutable_vectors()->Reserve(static_cast<int>(made.vectors.size()));
  for (const std::vector<float>& vector : made.vectors) {
    *response->add_vectors() = EncodeVector(vector);
  }
  return Status();
}

}  // namespace

grpc::ServerUnaryReactor* VectorsService::Upsert(grpc::CallbackServerContext* call,
                                                 const v1::UpsertRequest* request,
                                                 v1::UpsertResponse* response) {
  return RunOnPool(context_, Lane::kStorage, call, [this, request, response](TimePoint) {
    return DoUpsert(context_->db, *request, response);
  });
}

grpc::ServerUnaryReactor* VectorsService::Search(grpc::CallbackServerContext* call,
                                                 const v1::SearchRequest* request,
                                                 v1::SearchResponse* response) {
  return RunOnPool(context_, Lane::kStorage, call, [this, request, response](TimePoint) {
    return DoSearch(context_->db, *request, response);
  });
}

grpc::ServerUnaryReactor* VectorsService::SearchBatch(grpc::CallbackServerContext* call,
                                                      const v1::SearchBatchRequest* request,
                                                      v1::SearchBatchResponse* response) {
  return RunOnPool(context_, Lane::kStorage, call, [this, request, response](TimePoint) {
    return DoSearchBatch(context_->db, *request, response);
  });
}

grpc::ServerUnaryReactor* VectorsService::Get(grpc::CallbackServerContext* call,
                                              const v1::GetVectorRequest* request,
                                              v1::GetVectorResponse* response) {
  return RunOnPool(context_, Lane::kStorage, call, [this, request, response](TimePoint) {
    return DoGet(context_->db, *request, response);
  });
}

grpc::ServerUnaryReactor* VectorsService::Delete(grpc::CallbackServerContext* call,
                                                 const v1::DeleteVectorsRequest* request,
                                                 v1::DeleteVectorsResponse* response) {
  return RunOnPool(context_, Lane::kStorage, call, [this, request, response](TimePoint) {
    return DoDelete(context_->db, *request, response);
  });
}

grpc::ServerUnaryReactor* VectorsService::Scan(grpc::CallbackServerContext* call,
                                               const v1::ScanVectorsRequest* request,
                                               v1::ScanVectorsResponse* response) {
  return RunOnPool(context_, Lane::kStorage, call, [this, request, response](TimePoint) -> Status {
    NEARHIT_ASSIGN_OR_RETURN(auto store, context_->db->Vectors(request->namespace_()));
    return FillPage(store.get(), *request, response);
  });
}

grpc::ServerBidiReactor<v1::UpsertStreamRequest, v1::UpsertStreamResponse>*
VectorsService::UpsertStream(grpc::CallbackServerContext* call) {
  return new ItemStream<v1::UpsertStreamRequest, v1::UpsertStreamResponse>(
      context_, call, [](const v1::UpsertStreamRequest&) { return Lane::kStorage; },
      [this](const v1::UpsertStreamRequest& item, TimePoint, v1::UpsertStreamResponse* out) {
        return DoUpsert(context_->db, item.request(), out->mutable_response());
      });
}

grpc::ServerUnaryReactor* VectorsService::Embed(grpc::CallbackServerContext* call,
                                                const v1::EmbedRequest* request,
                                                v1::EmbedResponse* response) {
  return RunOnPool(context_, Lane::kEmbedding, call, [this, request, response](TimePoint deadline) {
    return DoEmbed(context_->db, *request, deadline, response);
  });
}

}  // namespace nearhit::server
