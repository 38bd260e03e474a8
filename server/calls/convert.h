// Between the messages of nearhit.v1 and the types of the C++ API. What a message can get wrong by
// its form (missing parts, torn vectors, unknown enum values) is refused here, with the name of the
// field; what a value can get wrong is refused by the library.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nearhit/database.h"
#include "nearhit/v1/admin.pb.h"
#include "nearhit/v1/cache.pb.h"
#include "nearhit/v1/vectors.pb.h"
#include "server/core/call_context.h"

namespace nearhit::server {

// The code and the message (clipped to 1 KiB) that a caller sees.
StatusCode WireCode(StatusCode code);
std::string WireMessage(const Status& status);
void ToProto(const Status& status, v1::ItemError* out);  // Requires: !status.ok()

// Packed little-endian float32. `field` is for the error message.
Result<std::vector<float>> DecodeVector(std::string_view field, std::string_view bytes);
std::string EncodeVector(VectorView vector);

Result<Durability> DecodeDurability(int value);

// A request and the floats that its views point at. Its other views point into the message.
struct DecodedPrompt {
  Prompt prompt;
  std::vector<float> vector;
};
struct DecodedStores {
  std::vector<StoreRequest> requests;
  std::vector<std::vector<float>> vectors;
};
struct DecodedUpserts {
  std::vector<UpsertRequest> requests;
  std::vector<std::vector<float>> vectors;
};

Result<DecodedPrompt> DecodePrompt(const v1::Prompt& prompt);
LookupOptions DecodeLookupOptions(const v1::LookupOptions& options, TimePoint deadline);
Result<DecodedStores> DecodeStores(std::span<const v1::StoreItem* const> items, TimePoint deadline);
InvalidateRequest DecodeInvalidate(const v1::InvalidateRequest& request);
Result<DecodedUpserts> DecodeUpserts(const v1::UpsertRequest& request);
VectorSearchOptions DecodeSearchOptions(const v1::SearchOptions& options);

// An embedder's kind stays "" when the caller says none: server/config/model_folder.h completes it.
Result<NamespaceConfig> DecodeNamespaceConfig(const v1::NamespaceConfig& config);
Result<NamespaceUpdate> DecodeNamespaceUpdate(const v1::UpdateNamespaceRequest& request);

// These take what they convert apart, so that answers and payloads are moved, not copied.
void ToProto(LookupResult&& result, v1::LookupResult* out);
void ToProto(const StoreResult& result, v1::StoreResult* out);
void ToProto(Entry&& entry, v1::Entry* out);
void ToProto(VectorHit&& hit, v1::VectorHit* out);
void ToProto(const LookupTrace& trace, v1::LookupTrace* out);
void ToProto(const SearchExplanation& explanation, v1::SearchExplanation* out);
void ToProto(VectorEntry&& entry, v1::VectorEntry* out);
void ToProto(const NamespaceInfo& info, v1::NamespaceInfo* out);
void ToProto(const DatabaseStats& stats, v1::StatsResponse* out);

}  // namespace nearhit::server
