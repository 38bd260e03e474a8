// The list of unary calls: what gRPC and HTTP serve. A new method of a service gets its row here.
// Streams are the calls of their items.
#pragma once

#include <tuple>

#include "server/calls/admin_calls.h"
#include "server/calls/cache_calls.h"
#include "server/calls/label_calls.h"
#include "server/calls/vectors_calls.h"

namespace nearhit::server {

template <typename Request>
Lane OnStorage(ServiceCore*, const Request&) {
  return Lane::kStorage;
}
template <typename Request>
Lane OnEmbedding(ServiceCore*, const Request&) {
  return Lane::kEmbedding;
}

// A call that waits for storage alone.
template <typename Request, typename Response>
constexpr UnaryCall<Request, Response> StorageCall(const char* name, const char* path,
                                                   Status (*run)(ServiceCore*, const Request&,
                                                                 const CallContext&, Response*)) {
  return {.name = name, .path = path, .lane = &OnStorage<Request>, .run = run};
}

// A call that may wait for an embedder.
template <typename Request, typename Response>
constexpr UnaryCall<Request, Response> EmbeddingCall(const char* name, const char* path,
                                                     Lane (*lane)(ServiceCore*, const Request&),
                                                     Status (*run)(ServiceCore*, const Request&,
                                                                   const CallContext&, Response*)) {
  return {.name = name, .path = path, .lane = lane, .run = run};
}

// A call that is often done without a wait.
template <typename Request, typename Response>
constexpr UnaryCall<Request, Response> QuickCall(const char* name, const char* path,
                                                 Status (*begin)(ServiceCore*, const Request&,
                                                                 const CallContext&, Response*,
                                                                 RestOfCall<Response>*)) {
  return {.name = name, .path = path, .begin = begin};
}

inline constexpr std::tuple kCacheCalls{
    QuickCall("nearhit.v1.Cache.Lookup", "lookup", &BeginLookup),
    EmbeddingCall("nearhit.v1.Cache.LookupBatch", "lookup_batch", &LaneOfLookupBatch,
                  &DoLookupBatch),
    EmbeddingCall("nearhit.v1.Cache.Store", "store", &LaneOfStore, &DoStore),
    EmbeddingCall("nearhit.v1.Cache.StoreBatch", "store_batch", &LaneOfStoreBatch, &DoStoreBatch),
    StorageCall("nearhit.v1.Cache.Get", "get", &DoGet),
    StorageCall("nearhit.v1.Cache.Delete", "delete", &DoDelete),
    StorageCall("nearhit.v1.Cache.Invalidate", "invalidate", &DoInvalidate),
    StorageCall("nearhit.v1.Cache.Scan", "scan", &DoScan),
    EmbeddingCall("nearhit.v1.Cache.Label", "label", &LaneOfLabel, &DoLabel),
    StorageCall("nearhit.v1.Cache.Policy", "policy", &DoPolicy),
};

inline constexpr std::tuple kVectorsCalls{
    StorageCall("nearhit.v1.Vectors.Upsert", "vectors/upsert", &DoUpsert),
    StorageCall("nearhit.v1.Vectors.Search", "vectors/search", &DoSearch),
    StorageCall("nearhit.v1.Vectors.SearchBatch", "vectors/search_batch", &DoSearchBatch),
    StorageCall("nearhit.v1.Vectors.Get", "vectors/get", &DoGetVector),
    StorageCall("nearhit.v1.Vectors.Delete", "vectors/delete", &DoDeleteVectors),
    StorageCall("nearhit.v1.Vectors.Scan", "vectors/scan", &DoScanVectors),
    EmbeddingCall("nearhit.v1.Vectors.Embed", "embed", &OnEmbedding<v1::EmbedRequest>, &DoEmbed),
};

inline constexpr std::tuple kAdminCalls{
    StorageCall("nearhit.v1.Admin.CreateNamespace", "namespaces/create", &DoCreateNamespace),
    StorageCall("nearhit.v1.Admin.ListNamespaces", "namespaces/list", &DoListNamespaces),
    StorageCall("nearhit.v1.Admin.DescribeNamespace", "namespaces/describe", &DoDescribeNamespace),
    StorageCall("nearhit.v1.Admin.UpdateNamespace", "namespaces/update", &DoUpdateNamespace),
    StorageCall("nearhit.v1.Admin.DropNamespace", "namespaces/drop", &DoDropNamespace),
    StorageCall("nearhit.v1.Admin.Stats", "stats", &DoStats),
    StorageCall("nearhit.v1.Admin.Flush", "flush", &DoFlush),
    StorageCall("nearhit.v1.Admin.Snapshot", "snapshot", &DoSnapshot),
    StorageCall("nearhit.v1.Admin.Backup", "backup", &DoBackup),
    QuickCall("nearhit.v1.Admin.Ping", "ping", &BeginPing),
};

// Calls `visit` with each row of a list.
template <typename Calls, typename Visitor>
void ForEachCall(const Calls& calls, const Visitor& visit) {
  std::apply([&visit](const auto&... call) { (visit(call), ...); }, calls);
}

// The row with these messages.
template <typename Request, typename Response, typename Calls>
constexpr const UnaryCall<Request, Response>& CallOf(const Calls& calls) {
  return std::get<UnaryCall<Request, Response>>(calls);
}

}  // namespace nearhit::server
