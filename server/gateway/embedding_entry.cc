#include "server/gateway/embedding_entry.h"

#include <algorithm>
#include <limits>

#include "server/dialect/embeddings.h"

namespace nearhit::server {
namespace {

// A tag, when it is not the model that was asked for.
constexpr std::string_view kModelTag = "answered-by:";

}  // namespace

std::optional<Charge> StoreEmbeddings(const EmbeddingOrder& order, std::string_view body) {
  const Result<EmbeddingsAnswer> answer = ReadEmbeddings(body, order.slots.size());
  auto cache = order.core->db().Cache(order.name_space);
  if (!answer.ok() || !cache.ok()) {
    return std::nullopt;
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
  const Charge charge =
      order.prices->ChargeFor(order.model, answer->model,
                              {.input = answer->prompt_tokens, .known = !answer->usage.empty()});
  std::size_t length = 0;  // of all slots
  for (const std::string& slot : order.slots) {
    length += slot.size();
  }
  std::vector<StoreRequest> requests(order.slots.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    requests[i].prompt = {.scope = order.scope, .slot = order.slots[i]};
    requests[i].answer = answer->vectors[i];
    requests[i].metadata = metadata;
    requests[i].metadata.cost =
        length == 0
            ? 0
            : charge.usd * static_cast<double>(order.slots[i].size()) / static_cast<double>(length);
    requests[i].ttl_ms = order.ttl_ms;
  }
  // The answer was given all the same.
  return (*cache)->StoreBatch(requests).ok() ? std::optional(charge) : std::nullopt;
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
