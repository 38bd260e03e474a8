#include "engine/database/validate.h"

#include <cmath>
#include <string>

#include "base/normalize.h"
#include "base/utf8.h"
#include "nearhit/settings.h"

namespace nearhit {

namespace {

constexpr std::uint32_t kLexicalDimension = 384;

std::string Quantity(std::string_view field, std::size_t value, std::string_view unit,
                     std::size_t limit) {
  return std::string(field) + " has " + std::to_string(value) + " " + std::string(unit) +
         ", the limit is " + std::to_string(limit);
}

Status CheckBytes(std::string_view field, std::string_view text, std::size_t limit) {
  return text.size() > limit ? InvalidArgument(Quantity(field, text.size(), "bytes", limit))
                             : Status();
}

Status CheckText(std::string_view field, std::string_view text, std::size_t limit) {
  if (text.empty()) {
    return InvalidArgument(std::string(field) + " is empty, at least 1 byte is needed");
  }
  NEARHIT_RETURN_IF_ERROR(CheckBytes(field, text, limit));
  if (!IsValidUtf8(text)) {
    return InvalidArgument(std::string(field) + " of " + std::to_string(text.size()) +
                           " bytes is not valid UTF-8");
  }
  return Status();
}

Status CheckTags(std::span<const std::string> tags) {
  if (tags.size() > kMaxTags) {
    return InvalidArgument(Quantity("tags", tags.size(), "items", kMaxTags));
  }
  for (const std::string& tag : tags) {
    NEARHIT_RETURN_IF_ERROR(CheckText("tag", tag, kMaxTagBytes));
  }
  return Status();
}

template <typename T>
Status CheckRange(std::string_view field, T value, T min, T max) {
  if (value < min || value > max) {
    return InvalidArgument(std::string(field) + " is " + std::to_string(value) +
                           ", it must be in " + std::to_string(min) + ".." + std::to_string(max));
  }
  return Status();
}

Status CheckTtl(const std::optional<std::int64_t>& ttl_ms, const NamespaceConfig& config) {
  if (!ttl_ms) {
    return Status();
  }
  NEARHIT_RETURN_IF_ERROR(CheckRange("ttl_ms", *ttl_ms, std::int64_t{0}, kMaxTtlMs));
  if (config.max_ttl_ms != 0 && (*ttl_ms == 0 || *ttl_ms > config.max_ttl_ms)) {
    return InvalidArgument("ttl_ms is " + std::to_string(*ttl_ms) +
                           ", the namespace's maximum is " + std::to_string(config.max_ttl_ms));
  }
  return Status();
}

Status CheckThreshold(float threshold, Metric metric) {
  const bool valid = metric == Metric::kCosine ? threshold >= -1 && threshold <= 1
                     : metric == Metric::kL2   ? threshold > 0 && threshold <= 1
                                               : std::isfinite(threshold);
  return valid ? Status()
               : InvalidArgument("threshold is " + std::to_string(threshold) +
                                 ", out of the range of metric " + std::string(MetricName(metric)));
}

// Not the range of thresholds: every score reaches one that is below it.
Status CheckMinScore(const std::optional<float>& min_score, Metric metric) {
  if (min_score && !std::isfinite(*min_score)) {
    return InvalidArgument("min_score is not a finite number");
  }
  if (min_score && metric != Metric::kInnerProduct && *min_score > 1) {
    return InvalidArgument("min_score is " + std::to_string(*min_score) + ", scores of metric " +
                           std::string(MetricName(metric)) + " are at most 1");
  }
  return Status();
}

Status CheckEnums(const NamespaceConfig& config) {
  if (config.kind > NamespaceKind::kVectors) {
    return InvalidArgument("kind " + std::to_string(static_cast<int>(config.kind)) + " is unknown");
  }
  if (config.metric > Metric::kL2) {
    return InvalidArgument("metric " + std::to_string(static_cast<int>(config.metric)) +
                           " is unknown");
  }
  if (config.durability > Durability::kSync) {
    return InvalidArgument("durability " + std::to_string(static_cast<int>(config.durability)) +
                           " is unknown");
  }
  return Status();
}

}  // namespace

Result<NamespaceConfig> CheckConfig(const NamespaceConfig& config) {
  NamespaceConfig checked = config;
  NEARHIT_RETURN_IF_ERROR(CheckEnums(config));
  if (checked.dimension == 0 && checked.embedder.kind == "lexical") {
    checked.dimension = kLexicalDimension;
  }
  if (checked.dimension > kMaxDimension) {
    return InvalidArgument("dimension is " + std::to_string(checked.dimension) + ", the limit is " +
                           std::to_string(kMaxDimension));
  }
  if (checked.dimension == 0 &&
      (checked.kind == NamespaceKind::kVectors || checked.embedder.kind == "http")) {
    return InvalidArgument("dimension is 0, this namespace needs one in 1.." +
                           std::to_string(kMaxDimension));
  }
  if (checked.kind == NamespaceKind::kVectors && checked.embedder.kind != "none") {
    return InvalidArgument("embedder must be none in a namespace of kind vectors");
  }
  NEARHIT_RETURN_IF_ERROR(CheckThreshold(config.threshold, config.metric));
  Status ranges;
  ForEachSetting([&](const auto& setting) {
    if (ranges.ok()) {
      ranges = CheckRange(setting.name, config.*setting.value, setting.min, setting.max);
    }
  });
  NEARHIT_RETURN_IF_ERROR(ranges);
  if (config.max_error != 0 &&
      (config.max_error < kLeastMaxError || config.metric != Metric::kCosine)) {
    return InvalidArgument(config.metric != Metric::kCosine
                               ? std::string("max_error needs metric cosine")
                               : "max_error is " + std::to_string(config.max_error) +
                                     ", it must be 0 or in 0.0025..0.1");
  }
  if (config.max_ttl_ms != 0 &&
      (config.default_ttl_ms == 0 || config.default_ttl_ms > config.max_ttl_ms)) {
    return InvalidArgument("default_ttl_ms is " + std::to_string(config.default_ttl_ms) +
                           ", it must be in 1..max_ttl_ms (" + std::to_string(config.max_ttl_ms) +
                           ")");
  }
  return checked;
}

Status CheckName(std::string_view name) {
  if (name.empty() || name.size() > kMaxNamespaceNameBytes) {
    return InvalidArgument(
        Quantity("namespace name", name.size(), "bytes", kMaxNamespaceNameBytes) +
        " and at least 1");
  }
  const auto is_alnum = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  for (const char c : name) {
    if (!is_alnum(c) && c != '_' && c != '-' && c != '.') {
      return InvalidArgument("namespace name has a character outside of a-z 0-9 _ - .");
    }
  }
  if (!is_alnum(name.front())) {
    return InvalidArgument("namespace name must start with a letter or a digit");
  }
  return Status();
}

Status CheckVector(std::string_view field, VectorView vector, const NamespaceConfig& config) {
  if (vector.size() != config.dimension) {
    return InvalidArgument(std::string(field) + " has " + std::to_string(vector.size()) +
                           " components, the namespace's dimension is " +
                           std::to_string(config.dimension));
  }
  if (IsValidVector(config.metric, vector)) {  // so every component is a number
    return Status();
  }
  for (std::size_t i = 0; i < vector.size(); ++i) {
    if (!std::isfinite(vector[i])) {
      return InvalidArgument(std::string(field) + " component " + std::to_string(i) +
                             " is not a finite number");
    }
  }
  return InvalidArgument(std::string(field) + (config.metric == Metric::kCosine
                                                   ? " is all zeros, which has no direction "
                                                     "under cosine"
                                                   : " is longer than 1e18"));
}

Status CheckPrompt(const Prompt& prompt, const NamespaceConfig& config) {
  NEARHIT_RETURN_IF_ERROR(CheckBytes("scope", prompt.scope, kMaxScopeBytes));
  NEARHIT_RETURN_IF_ERROR(CheckText("slot", prompt.slot, kMaxSlotBytes));
  return prompt.vector.empty() ? Status() : CheckVector("vector", prompt.vector, config);
}

Status CheckLookup(const LookupOptions& options, const NamespaceConfig& config) {
  return CheckMinScore(options.min_score, config.metric);
}

Status CheckStore(const StoreRequest& request, const NamespaceConfig& config,
                  std::size_t max_payload_bytes) {
  NEARHIT_RETURN_IF_ERROR(CheckPrompt(request.prompt, config));
  NEARHIT_RETURN_IF_ERROR(CheckBytes("answer", request.answer, max_payload_bytes));
  NEARHIT_RETURN_IF_ERROR(
      CheckBytes("content_type", request.metadata.content_type, kMaxContentTypeBytes));
  NEARHIT_RETURN_IF_ERROR(CheckBytes("model", request.metadata.model, kMaxModelBytes));
  if (!std::isfinite(request.metadata.cost)) {
    return InvalidArgument("cost is not a finite number");
  }
  if (request.durability > Durability::kSync) {
    return InvalidArgument("durability " + std::to_string(static_cast<int>(request.durability)) +
                           " is unknown");
  }
  NEARHIT_RETURN_IF_ERROR(CheckTags(request.metadata.tags));
  return CheckTtl(request.ttl_ms, config);
}

Status CheckLabel(const LabelRequest& request, const NamespaceConfig& config) {
  NEARHIT_RETURN_IF_ERROR(CheckPrompt(request.prompt, config));
  if (request.id) {
    if (!request.matched.empty()) {
      return InvalidArgument("matched has " + std::to_string(request.matched.size()) +
                             " bytes and id is set: give one of the two");
    }
  } else {
    NEARHIT_RETURN_IF_ERROR(CheckText("matched", request.matched, kMaxSlotBytes));
  }
  if (request.source > LabelSource::kReview) {
    return InvalidArgument("source " + std::to_string(static_cast<int>(request.source)) +
                           " is unknown");
  }
  NEARHIT_RETURN_IF_ERROR(CheckBytes("principal", request.principal, kMaxPrincipalBytes));
  const bool none = request.requests == 0;
  if (!none && !(request.requests >= 1 && request.requests <= kMostRequestsPerLabel)) {
    return InvalidArgument("requests is " + std::to_string(request.requests) +
                           ", it must be 0 or in 1.." + std::to_string(kMostRequestsPerLabel));
  }
  if (!none && !request.sampled) {
    return InvalidArgument("requests is " + std::to_string(request.requests) +
                           ", it is for sampled labels only");
  }
  return Status();
}

Status CheckInvalidate(const InvalidateRequest& request) {
  if (!request.scope && request.tags.empty() && !request.model && !request.older_than_ms &&
      !request.all) {
    return InvalidArgument(
        "invalidate names nothing: set scope, tags, model, older_than_ms or all");
  }
  if (request.older_than_ms) {
    NEARHIT_RETURN_IF_ERROR(
        CheckRange("older_than_ms", *request.older_than_ms, std::int64_t{0}, kMaxTtlMs));
  }
  return CheckTags(request.tags);
}

Status CheckUpsert(const UpsertRequest& request, const NamespaceConfig& config,
                   std::size_t max_payload_bytes) {
  NEARHIT_RETURN_IF_ERROR(CheckText("key", request.key, kMaxKeyBytes));
  NEARHIT_RETURN_IF_ERROR(CheckVector("vector", request.vector, config));
  NEARHIT_RETURN_IF_ERROR(CheckBytes("payload", request.payload, max_payload_bytes));
  NEARHIT_RETURN_IF_ERROR(CheckTags(request.tags));
  return CheckTtl(request.ttl_ms, config);
}

Status CheckQueries(VectorView queries, const NamespaceConfig& config) {
  const std::size_t dimension = config.dimension;
  if (queries.empty() || queries.size() % dimension != 0) {
    return InvalidArgument("query has " + std::to_string(queries.size()) +
                           " components, the namespace's dimension is " +
                           std::to_string(dimension));
  }
  const std::size_t rows = queries.size() / dimension;
  NEARHIT_RETURN_IF_ERROR(CheckBatch("queries", rows));
  for (std::size_t row = 0; row < rows; ++row) {
    NEARHIT_RETURN_IF_ERROR(AtIndex(
        "queries", row, CheckVector("query", queries.subspan(row * dimension, dimension), config)));
  }
  return Status();
}

Status CheckTexts(std::span<const std::string_view> texts) {
  NEARHIT_RETURN_IF_ERROR(CheckBatch("texts", texts.size()));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    NEARHIT_RETURN_IF_ERROR(AtIndex("texts", i, CheckText("text", texts[i], kMaxSlotBytes)));
  }
  return Status();
}

Status CheckSearch(const VectorSearchOptions& options, const NamespaceConfig& config) {
  if (options.k == 0 || options.k > kMaxNeighbors) {
    return InvalidArgument("k is " + std::to_string(options.k) + ", it must be in 1.." +
                           std::to_string(kMaxNeighbors));
  }
  if (options.ef > kMaxNeighbors * 10) {
    return InvalidArgument("ef is " + std::to_string(options.ef) + ", the limit is " +
                           std::to_string(kMaxNeighbors * 10));
  }
  NEARHIT_RETURN_IF_ERROR(CheckMinScore(options.min_score, config.metric));
  for (const auto* tags :
       {&options.filter.all_of, &options.filter.any_of, &options.filter.none_of}) {
    NEARHIT_RETURN_IF_ERROR(CheckTags(*tags));
  }
  return Status();
}

Status CheckPage(std::size_t limit) {
  if (limit == 0 || limit > kMaxPageSize) {
    return InvalidArgument("limit is " + std::to_string(limit) + ", it must be in 1.." +
                           std::to_string(kMaxPageSize));
  }
  return Status();
}

Status CheckBatch(std::string_view field, std::size_t count) {
  if (count == 0 || count > kMaxBatch) {
    return InvalidArgument(Quantity(field, count, "items", kMaxBatch) + " and at least 1");
  }
  return Status();
}

Status AtIndex(std::string_view field, std::size_t index, const Status& status) {
  if (status.ok()) {
    return status;
  }
  return {status.code(),
          std::string(field) + "[" + std::to_string(index) + "]: " + std::string(status.message())};
}

}  // namespace nearhit
