// What comes from outside is checked here, once, before anything is touched. Every error names the
// field, the value's size and the limit, never its text.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "nearhit/options.h"
#include "nearhit/result.h"
#include "nearhit/semantic_cache.h"
#include "nearhit/vector_store.h"

namespace nearhit {

// Sets defaults that follow from other fields (the dimension of "lexical") and checks the rest.
Result<NamespaceConfig> CheckConfig(const NamespaceConfig& config);
Status CheckName(std::string_view name);
Status CheckPrompt(const Prompt& prompt, const NamespaceConfig& config);
Status CheckLookup(const LookupOptions& options, const NamespaceConfig& config);
Status CheckStore(const StoreRequest& request, const NamespaceConfig& config,
                  std::size_t max_payload_bytes);
Status CheckLabel(const LabelRequest& request, const NamespaceConfig& config);
Status CheckInvalidate(const InvalidateRequest& request);
Status CheckUpsert(const UpsertRequest& request, const NamespaceConfig& config,
                   std::size_t max_payload_bytes);
Status CheckVector(std::string_view field, VectorView vector, const NamespaceConfig& config);
// Rows of vectors, one after the other.
Status CheckQueries(VectorView queries, const NamespaceConfig& config);
Status CheckTexts(std::span<const std::string_view> texts);
Status CheckSearch(const VectorSearchOptions& options, const NamespaceConfig& config);
Status CheckPage(std::size_t limit);
Status CheckBatch(std::string_view field, std::size_t count);

// "requests[3]: " in front of the message; OK stays OK.
Status AtIndex(std::string_view field, std::size_t index, const Status& status);

}  // namespace nearhit
