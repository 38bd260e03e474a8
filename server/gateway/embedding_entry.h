// Embeddings as entries of the cache: one for each input.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nearhit/semantic_cache.h"
#include "server/core/service_core.h"
#include "server/gateway/price_table.h"

namespace nearhit::server {

// The content type of entries that hold one: float32 in little-endian bytes.
inline constexpr std::string_view kEmbeddingType = "application/vnd.nearhit.embedding";

// Where the vectors of an answer are stored.
struct EmbeddingOrder {
  ServiceCore* core = nullptr;
  std::shared_ptr<const PriceTable> prices{};
  std::string name_space{};
  std::string scope{};
  std::string model{};
  std::string caller{};              // a tag of the entries; empty: none
  std::vector<std::string> slots{};  // one of each vector
  std::optional<std::int64_t> ttl_ms{};
};

// Stores the vectors of a body from upstream, and says what they cost; each entry has its share, by
// its length. Nothing when the body is not as expected, or the cache fails. May wait.
std::optional<Charge> StoreEmbeddings(const EmbeddingOrder& order, std::string_view body);

// Whether the entry is one with a vector.
bool IsEmbedding(const LookupResult& entry);
// The model that answered, which may be another than the one that was asked for.
std::string_view AnsweringModel(const EntryMetadata& metadata);

}  // namespace nearhit::server
