// The part of convert.h that is about namespaces and figures.
#include <string>
#include <utility>

#include "server/grpc/convert.h"

namespace nearhit::server {
namespace {

Status CheckEnum(bool valid, std::string_view field, int value) {
  return valid ? Status()
               : InvalidArgument(std::string(field) + " has the unknown value " +
                                 std::to_string(value));
}

Result<EmbedderSpec> DecodeEmbedder(const v1::EmbedderSpec& spec) {
  EmbedderSpec out;
  out.kind = spec.kind();
  out.url = spec.url();
  out.model = spec.model();
  out.api_key_env = spec.api_key_env();
  out.api_key_file = spec.api_key_file();
  if (spec.has_timeout_ms()) {
    out.timeout = std::chrono::milliseconds(spec.timeout_ms());
  }
  if (spec.has_max_batch()) {
    out.max_batch = spec.max_batch();
  }
  if (spec.has_max_retries()) {
    out.max_retries = spec.max_retries();
  }
  out.prefix = spec.prefix();
  if (!spec.arithmetic().empty()) {
    out.arithmetic = spec.arithmetic();
  }
  if (!spec.long_text().empty()) {
    out.long_text = spec.long_text();
  }
  return out;
}

void EmbedderToProto(const EmbedderSpec& spec, v1::EmbedderSpec* out) {
  out->set_kind(spec.kind);
  out->set_model(spec.model);
  if (spec.kind == "local") {
    out->set_prefix(spec.prefix);
    out->set_arithmetic(spec.arithmetic);
    out->set_long_text(spec.long_text);
  }
  if (spec.kind != "http") {
    return;
  }
  out->set_url(spec.url);
  out->set_api_key_env(spec.api_key_env);
  out->set_api_key_file(spec.api_key_file);
  out->set_timeout_ms(spec.timeout.count());
  out->set_max_batch(static_cast<std::uint32_t>(spec.max_batch));
  out->set_max_retries(spec.max_retries);
}

void ConfigToProto(const NamespaceConfig& config, v1::NamespaceConfig* out) {
  out->set_kind(static_cast<v1::NamespaceKind>(config.kind));
  out->set_dimension(config.dimension);
  out->set_metric(static_cast<v1::Metric>(config.metric));
  EmbedderToProto(config.embedder, out->mutable_embedder());
  out->set_threshold(config.threshold);
  out->set_default_ttl_ms(config.default_ttl_ms);
  out->set_max_ttl_ms(config.max_ttl_ms);
  out->set_idle_ttl_ms(config.idle_ttl_ms);
  out->set_max_entries(config.max_entries);
  out->set_max_bytes(config.max_bytes);
  out->set_durability(static_cast<v1::Durability>(config.durability));
}

}  // namespace

Result<NamespaceConfig> DecodeNamespaceConfig(const v1::NamespaceConfig& config) {
  NEARHIT_RETURN_IF_ERROR(
      CheckEnum(v1::NamespaceKind_IsValid(config.kind()), "kind", config.kind()));
  NEARHIT_RETURN_IF_ERROR(
      CheckEnum(v1::Metric_IsValid(config.metric()), "metric", config.metric()));
  NamespaceConfig out;
  out.kind = static_cast<NamespaceKind>(config.kind());
  out.dimension = config.dimension();
  out.metric = static_cast<Metric>(config.metric());
  NEARHIT_ASSIGN_OR_RETURN(out.embedder, DecodeEmbedder(config.embedder()));
  if (config.has_threshold()) {
    out.threshold = config.threshold();
  }
  out.default_ttl_ms = config.default_ttl_ms();
  out.max_ttl_ms = config.max_ttl_ms();
  out.idle_ttl_ms = config.idle_ttl_ms();
  out.max_entries = config.max_entries();
  out.max_bytes = config.max_bytes();
  if (config.durability() != v1::DURABILITY_DEFAULT) {
    NEARHIT_ASSIGN_OR_RETURN(out.durability, DecodeDurability(config.durability()));
  }
  return out;
}

Result<NamespaceUpdate> DecodeNamespaceUpdate(const v1::UpdateNamespaceRequest& request) {
  NamespaceUpdate out;
  if (request.has_threshold()) {
    out.threshold = request.threshold();
  }
  if (request.has_default_ttl_ms()) {
    out.default_ttl_ms = request.default_ttl_ms();
  }
  if (request.has_max_ttl_ms()) {
    out.max_ttl_ms = request.max_ttl_ms();
  }
  if (request.has_idle_ttl_ms()) {
    out.idle_ttl_ms = request.idle_ttl_ms();
  }
  if (request.has_max_entries()) {
    out.max_entries = request.max_entries();
  }
  if (request.has_max_bytes()) {
    out.max_bytes = request.max_bytes();
  }
  if (request.has_durability()) {
    NEARHIT_ASSIGN_OR_RETURN(out.durability, DecodeDurability(request.durability()));
  }
  if (request.has_embedder()) {
    NEARHIT_ASSIGN_OR_RETURN(out.embedder, DecodeEmbedder(request.embedder()));
  }
  if (request.has_dimension()) {
    out.dimension = request.dimension();
  }
  out.reembed = request.reembed();
  return out;
}

void ToProto(const NamespaceInfo& info, v1::NamespaceInfo* out) {
  out->set_name(info.name);
  ConfigToProto(info.config, out->mutable_config());
  out->set_embedder_identity(info.embedder_identity);
  out->set_created_us(info.created_us);
  v1::NamespaceStats* stats = out->mutable_stats();
  stats->set_entries(info.stats.entries);
  stats->set_bytes(info.stats.bytes);
  stats->set_partitions(info.stats.partitions);
  stats->set_index_bytes(info.stats.index_bytes);
  stats->set_graph_partitions(info.stats.graph_partitions);
  stats->set_exact_hits(info.stats.exact_hits);
  stats->set_semantic_hits(info.stats.semantic_hits);
  stats->set_misses(info.stats.misses);
  stats->set_stores(info.stats.stores);
  stats->set_deletes(info.stats.deletes);
  stats->set_evictions(info.stats.evictions);
  stats->set_expirations(info.stats.expirations);
  stats->set_embed_failures(info.stats.embed_failures);
  stats->set_read_errors(info.stats.read_errors);
  stats->set_damaged_entries(info.stats.damaged_entries);
  stats->set_entries_without_vector(info.stats.entries_without_vector);
  stats->set_texts_not_read(info.stats.texts_not_read);
  stats->set_embedder_memo_hits(info.stats.embedder_memo_hits);
  stats->set_embedder_memo_misses(info.stats.embedder_memo_misses);
  if (info.reembedding) {
    v1::Reembedding* reembedding = out->mutable_reembedding();
    reembedding->set_identity(info.reembedding->identity);
    reembedding->set_done(info.reembedding->done);
    reembedding->set_total(info.reembedding->total);
    reembedding->set_last_error(info.reembedding->last_error);
  }
}

void ToProto(const DatabaseStats& stats, v1::StatsResponse* out) {
  out->set_namespaces(stats.namespaces);
  out->set_entries(stats.entries);
  out->set_bytes(stats.bytes);
  out->set_index_bytes(stats.index_bytes);
  out->set_disk_bytes(stats.disk_bytes);
  out->set_last_sequence(stats.last_sequence);
  out->set_lost_sequences(stats.lost_sequences);
  out->set_open_seconds(stats.open_seconds);
  out->set_entries_from_snapshots(stats.entries_from_snapshots);
}

}  // namespace nearhit::server
