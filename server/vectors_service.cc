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

VectorSearchOptions OptionsOf(const v1::SearchOptions& options, const ServiceContext& context) {
  VectorSearchOptions out = DecodeSearchOptions(options);
  out.max_result_bytes = context.max_message_bytes;
  return out;
}

Status DoSearch(ServiceContext* context, const v1::SearchRequest& request,
                v1::SearchResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto store, context->db->Vectors(request.namespace_()));
  NEARHIT_ASSIGN_OR_RETURN(const std::vector<float> query, DecodeVector("query", request.query()));
  VectorSearchOptions options = OptionsOf(request.options(), *context);
  SearchExplanation explanation;
  if (request.options().explain()) {
    options.explanation = &explanation;
  }
  NEARHIT_ASSIGN_OR_RETURN(std::vector<VectorHit> hits, store->Search(query, options));
  HitsToProto(std::move(hits), response);
  if (request.options().explain()) {
    ToProto(explanation, response->mutable_explanation());
  }
  return Status();
}

Status DoSearchBatch(ServiceContext* context, const v1::SearchBatchRequest& request,
                     std::function<Status()> still_wanted, v1::SearchBatchResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto store, context->db->Vectors(request.namespace_()));
  NEARHIT_ASSIGN_OR_RETURN(const std::vector<float> queries,
                           DecodeVector("queries", request.queries()));
  VectorSearchOptions options = OptionsOf(request.options(), *context);
  options.still_wanted = std::move(still_wanted);
  NEARHIT_ASSIGN_OR_RETURN(std::vector<std::vector<VectorHit>> rows,
                           store->SearchBatch(queries, options));
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

// The answer has to fit in a message, which is known before the texts are embedded.
Status CheckEmbeddings(const ServiceContext& context, const v1::EmbedRequest& request) {
  NEARHIT_ASSIGN_OR_RETURN(const NamespaceInfo info,
                           context.db->DescribeNamespace(request.namespace_()));
  const std::size_t bytes =
      static_cast<std::size_t>(request.texts_size()) * info.config.dimension * sizeof(float);
  return bytes <= context.max_message_bytes
             ? Status()
             : ResourceExhausted("the vectors of " + std::to_string(request.texts_size()) +
                                 " texts have " + std::to_string(bytes) + " bytes, the limit is " +
                                 std::to_string(context.max_message_bytes) +
                                 ": ask for fewer at a time");
}

Status DoEmbed(ServiceContext* context, const v1::EmbedRequest& request, TimePoint deadline,
               v1::EmbedResponse* response) {
  NEARHIT_RETURN_IF_ERROR(CheckEmbeddings(*context, request));
  const std::vector<std::string_view> texts(request.texts().begin(), request.texts().end());
  NEARHIT_ASSIGN_OR_RETURN(Embeddings made,
                           context->db->Embed(request.namespace_(), texts, deadline));
  response->set_embedder_identity(std::move(made.embedder_identity));
  response->mutable_vectors()->Reserve(static_cast<int>(made.vectors.size()));
  for (const std::vector<float>& vector : made.vectors) {
    *response->add_vectors() = EncodeVector(vector);
  }
  return Status();
}

}  // namespace

VectorsService::VectorsService(ServiceContext* context) : context_(context) {
  Unary("Upsert", &VectorsService::Upsert);
  Unary("Search", &VectorsService::Search);
  Unary("SearchBatch", &VectorsService::SearchBatch);
  Unary("Get", &VectorsService::Get);
  Unary("Delete", &VectorsService::Delete);
  Unary("Scan", &VectorsService::Scan);
  Unary("Embed", &VectorsService::Embed);
  Stream<v1::UpsertStreamResponse>("UpsertStream", [this](grpc::CallbackServerContext* call) {
    using Items = ItemStream<v1::UpsertStreamRequest, v1::UpsertStreamResponse>;
    return new Items(context_, call,
                     [this](const v1::UpsertStreamRequest& item, TimePoint,
                            v1::UpsertStreamResponse*, Items::Work* rest) {
                       rest->run = [this, &item](v1::UpsertStreamResponse* out) {
                         return DoUpsert(context_->db, item.request(), out->mutable_response());
                       };
                       return WouldBlock("an upsert waits for storage");
                     });
  });
}

grpc::ServerUnaryReactor* VectorsService::Upsert(grpc::CallbackServerContext* call,
                                                 const v1::UpsertRequest* request,
                                                 v1::UpsertResponse* response) {
  return RunOnPool(
      context_, Lane::kStorage, call, request, response,
      [this, request, response](TimePoint) { return DoUpsert(context_->db, *request, response); });
}

grpc::ServerUnaryReactor* VectorsService::Search(grpc::CallbackServerContext* call,
                                                 const v1::SearchRequest* request,
                                                 v1::SearchResponse* response) {
  return RunOnPool(
      context_, Lane::kStorage, call, request, response,
      [this, request, response](TimePoint) { return DoSearch(context_, *request, response); });
}

grpc::ServerUnaryReactor* VectorsService::SearchBatch(grpc::CallbackServerContext* call,
                                                      const v1::SearchBatchRequest* request,
                                                      v1::SearchBatchResponse* response) {
  return RunOnPool(context_, Lane::kStorage, call, request, response,
                   [this, call, request, response](TimePoint deadline) {
                     return DoSearchBatch(context_, *request, StillWanted(context_, call, deadline),
                                          response);
                   });
}

grpc::ServerUnaryReactor* VectorsService::Get(grpc::CallbackServerContext* call,
                                              const v1::GetVectorRequest* request,
                                              v1::GetVectorResponse* response) {
  return RunOnPool(
      context_, Lane::kStorage, call, request, response,
      [this, request, response](TimePoint) { return DoGet(context_->db, *request, response); });
}

grpc::ServerUnaryReactor* VectorsService::Delete(grpc::CallbackServerContext* call,
                                                 const v1::DeleteVectorsRequest* request,
                                                 v1::DeleteVectorsResponse* response) {
  return RunOnPool(
      context_, Lane::kStorage, call, request, response,
      [this, request, response](TimePoint) { return DoDelete(context_->db, *request, response); });
}

grpc::ServerUnaryReactor* VectorsService::Scan(grpc::CallbackServerContext* call,
                                               const v1::ScanVectorsRequest* request,
                                               v1::ScanVectorsResponse* response) {
  return RunOnPool(context_, Lane::kStorage, call, request, response,
                   [this, request, response](TimePoint) -> Status {
                     NEARHIT_ASSIGN_OR_RETURN(auto store,
                                              context_->db->Vectors(request->namespace_()));
                     return FillPage(store.get(), *request, response);
                   });
}

grpc::ServerUnaryReactor* VectorsService::Embed(grpc::CallbackServerContext* call,
                                                const v1::EmbedRequest* request,
                                                v1::EmbedResponse* response) {
  return RunOnPool(context_, Lane::kEmbedding, call, request, response,
                   [this, request, response](TimePoint deadline) {
                     return DoEmbed(context_, *request, deadline, response);
                   });
}

}  // namespace nearhit::server
