#include "server/gateway/embedding_entry.h"

#include <algorithm>
#include <limits>

#include "server/dialect/embeddings.h"

namespace nearhit::server {
namespace {

// A tag, when it is not the model that was asked for.
constexpr std::string_view kModelTag = "answered-by:";

}  // namespace

void StoreEmbeddings(const EmbeddingOrder& order, std::string_view body) {
  const Result<EmbeddingsAnswer> answer = ReadEmbeddings(body, order.slots.size());
  auto cache = order.core->db().Cache(order.name_space);
  if (!answer.ok() || !cache.ok()) {
    return;
  }
  EntryMetadata metadata;
  metadata.content_type = kEmbeddingType;
  metadata.model = order.model;
  if (!order.caller.empty()) {
    metadata.tags.push_back(order.caller);
  }
  if (answer->model != order.model) {
    metadata.tags.push_back(std::string(kModelTag) + answer->model);
  }
  if (order.slots.size() == 1) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
    metadata.prompt_tokens =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(answer->prompt_tokens, kMost));
  }
  std::vector<StoreRequest> requests(order.slots.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    requests[i].prompt = {.scope = order.scope, .slot = order.slots[i]};
    requests[i].answer = answer->vectors[i];
    requests[i].metadata = metadata;
    requests[i].ttl_ms = order.ttl_ms;
  }
  (*cache)->StoreBatch(requests).status().IgnoreError();  // the answer was given all the same
}

bool IsEmbedding(const LookupResult& entry) {
  return entry.metadata.content_type == kEmbeddingType && !entry.answer.empty() &&
         entry.answer.size() % sizeof(float) == 0;
}

std::string_view AnsweringModel(const EntryMetadata& metadata) {
  for (const std::string& tag : metadata.tags) {
    if (tag.starts_with(kModelTag)) {
      return std::string_view(tag).substr(kModelTag.size());
    }
  }
  return metadata.model;
}

}  // namespace nearhit::server
