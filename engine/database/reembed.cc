#include "engine/database/reembed.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "engine/collection/normalize.h"
#include "engine/database/validate.h"

namespace nearhit {

namespace {
constexpr std::size_t kPage = 256;
constexpr std::size_t kReclaim = 4'096;
}  // namespace

Status ApplyUpdate(const NamespaceUpdate& update, NamespaceConfig* config) {
  config->threshold = update.threshold.value_or(config->threshold);
  config->default_ttl_ms = update.default_ttl_ms.value_or(config->default_ttl_ms);
  config->max_ttl_ms = update.max_ttl_ms.value_or(config->max_ttl_ms);
  config->idle_ttl_ms = update.idle_ttl_ms.value_or(config->idle_ttl_ms);
  config->max_entries = update.max_entries.value_or(config->max_entries);
  config->max_bytes = update.max_bytes.value_or(config->max_bytes);
  config->durability = update.durability.value_or(config->durability);
  if (update.dimension && (!update.embedder || !update.reembed)) {
    return InvalidArgument("dimension can only change together with embedder and reembed");
  }
  if (update.embedder) {
    config->embedder = *update.embedder;
    config->dimension = update.dimension.value_or(config->dimension);
  }
  NEARHIT_ASSIGN_OR_RETURN(*config, CheckConfig(*config));
  return Status();
}

Result<bool> NeedsReembedding(const NamespaceUpdate& update, std::string_view identity,
                              const NamespaceRecord& record) {
  if (identity == record.embedder_identity) {
    return false;
  }
  if (!update.reembed) {
    return FailedPrecondition("the embedder would change from " + record.embedder_identity +
                              " to " + std::string(identity) + ", which needs reembed");
  }
  if (record.config.embedder.kind == "none") {
    return InvalidArgument("reembed needs an embedder, none makes no vectors");
  }
  return true;
}

Status Reembed(const Namespace& space, const Embedder& embedder, Metric metric, Collection* to) {
  EntryId after;
  do {
    ScanPage page;
    {
      const Namespace::Call call(&space);
      NEARHIT_RETURN_IF_ERROR(call.status());
      NEARHIT_ASSIGN_OR_RETURN(page, call.cache().Scan(after, kPage));
    }
    std::vector<std::string_view> texts;
    for (const Entry& entry : page.entries) {
      texts.push_back(entry.slot);
    }
    std::vector<float> vectors;
    if (!texts.empty()) {
      NEARHIT_ASSIGN_OR_RETURN(vectors,
                               embedder.Embed(texts, std::chrono::steady_clock::time_point::max()));
    }
    std::vector<PutRequest> puts;
    for (std::size_t i = 0; i < page.entries.size(); ++i) {
      const Entry& entry = page.entries[i];
      const std::span<float> vector =
          std::span<float>(vectors).subspan(i * embedder.dimension(), embedder.dimension());
      PutRequest put;
      put.scope = entry.scope;
      put.key = entry.slot;
      put.vector = !IsZero(vector) && NormalizeFor(metric, vector) ? vector : std::span<float>();
      put.payload = entry.answer;
      put.content_type = entry.metadata.content_type;
      put.model = entry.metadata.model;
      put.prompt_tokens = entry.metadata.prompt_tokens;
      put.answer_tokens = entry.metadata.answer_tokens;
      put.cost = entry.metadata.cost;
      put.tags = entry.metadata.tags;
      put.expires_us = entry.expires_us.value_or(0);
      put.id = entry.id;
      put.created_us = entry.created_us;
      puts.push_back(put);
    }
    if (!puts.empty()) {
      NEARHIT_RETURN_IF_ERROR(to->Put(puts, /*sync=*/false).status());
    }
    after = page.next;
  } while (after);
  return Status();
}

Status MaintainVectors(Collection& collection) {
  while (true) {
    NEARHIT_ASSIGN_OR_RETURN(const std::vector<EntryId> ids, collection.ExpiredIds(kReclaim));
    if (ids.empty()) {
      break;
    }
    NEARHIT_ASSIGN_OR_RETURN(const std::vector<EntryId> erased, collection.Erase(ids, false));
    if (erased.empty()) {
      break;  // rows of expiry without an entry; nothing to gain from asking again
    }
  }
  return collection.Maintain();
}

}  // namespace nearhit
