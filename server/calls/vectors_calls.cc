#include "server/calls/vectors_calls.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/calls/convert.h"
#include "server/calls/scan.h"

namespace nearhit::server {
namespace {

template <typename Out>
void HitsToProto(std::vector<VectorHit>&& hits, Out* out) {
  out->mutable_hits()->Reserve(static_cast<int>(hits.size()));
  for (VectorHit& hit : hits) {
    ToProto(std::move(hit), out->add_hits());
  }
}

}  // namespace

Status DoUpsert(ServiceCore* core, const v1::UpsertRequest& request, const CallContext&,
                v1::UpsertResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto store, core->db().Vectors(request.namespace_()));
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

Status DoGetVector(ServiceCore* core, const v1::GetVectorRequest& request, const CallContext&,
                   v1::GetVectorResponse* response) {
  if (request.which_case() == v1::GetVectorRequest::WHICH_NOT_SET) {
    return InvalidArgument("one of key and id must be set");
  }
  NEARHIT_ASSIGN_OR_RETURN(auto store, core->db().Vectors(request.namespace_()));
  auto entry =
      request.has_key() ? store->Get(request.key()) : store->GetById(EntryId{request.id()});
  NEARHIT_RETURN_IF_ERROR(entry.status());
  ToProto(*std::move(entry), response->mutable_entry());
  return Status();
}

Status DoDeleteVectors(ServiceCore* core, const v1::DeleteVectorsRequest& request,
                       const CallContext&, v1::DeleteVectorsResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto store, core->db().Vectors(request.namespace_()));
  NEARHIT_ASSIGN_OR_RETURN(const Durability durability, DecodeDurability(request.durability()));
  const std::vector<std::string_view> keys(request.keys().begin(), request.keys().end());
  NEARHIT_ASSIGN_OR_RETURN(const std::uint64_t deleted, store->Delete(keys, durability));
  response->set_deleted(deleted);
  return Status();
}

Status DoScanVectors(ServiceCore* core, const v1::ScanVectorsRequest& request, const CallContext&,
                     v1::ScanVectorsResponse* response) {
  NEARHIT_ASSIGN_OR_RETURN(auto store, core->db().Vectors(request.namespace_()));
  return FillPage(store.get(), request, response);
}

Status DoEmbed(ServiceCore* core, const v1::EmbedRequest& request, const CallContext& call,
               v1::EmbedResponse* response) {
  const std::vector<std::string_view> texts(request.texts().begin(), request.texts().end());
  NEARHIT_ASSIGN_OR_RETURN(Embeddings made,
                           core->Embed(request.namespace_(), texts, call.deadline));
  response->set_embedder_identity(std::move(made.embedder_identity));
  response->mutable_vectors()->Reserve(static_cast<int>(made.vectors.size()));
  for (const std::vector<float>& vector : made.vectors) {
    *response->add_vectors() = EncodeVector(vector);
  }
  return Status();
}

}  // namespace nearhit::server
