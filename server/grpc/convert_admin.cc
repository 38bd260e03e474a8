// The part of convert.h that is about namespaces and figures.
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "base/check.h"
#include "nearhit/settings.h"
#include "server/grpc/convert.h"

namespace nearhit::server {
namespace {

Status CheckEnum(bool valid, std::string_view field, int value) {
  return valid ? Status()
               : InvalidArgument(std::string(field) + " has the unknown value " +
                                 std::to_string(value));
}

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const FieldDescriptor* FieldOf(const Message& message, std::string_view name) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(std::string(name));
  NEARHIT_CHECK(field != nullptr);  // tests/server/grpc/convert_test.cc
  return field;
}

template <typename T>
void SetNumber(std::string_view name, T value, Message* out) {
  const FieldDescriptor* field = FieldOf(*out, name);
  if constexpr (std::is_same_v<T, float>) {
    out->GetReflection()->SetFloat(out, field, value);
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    out->GetReflection()->SetInt64(out, field, value);
  } else {
    out->GetReflection()->SetUInt64(out, field, value);
  }
}

// Leaves `out` when the message does not say. A field without presence says 0.
template <typename T>
bool ReadNumber(const Message& message, std::string_view name, T* out) {
  const FieldDescriptor* field = FieldOf(message, name);
  const google::protobuf::Reflection* from = message.GetReflection();
  if (field->has_presence() && !from->HasField(message, field)) {
    return false;
  }
  if constexpr (std::is_same_v<T, float>) {
    *out = from->GetFloat(message, field);
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    *out = from->GetInt64(message, field);
  } else {
    *out = from->GetUInt64(message, field);
  }
  return true;
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
  ForEachSetting([&](const auto& setting) { SetNumber(setting.name, config.*setting.value, out); });
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
  ForEachSetting(
      [&](const auto& setting) { ReadNumber(config, setting.name, &(out.*setting.value)); });
  if (config.durability() != v1::DURABILITY_DEFAULT) {
    NEARHIT_ASSIGN_OR_RETURN(out.durability, DecodeDurability(config.durability()));
  }
  return out;
}

Result<NamespaceUpdate> DecodeNamespaceUpdate(const v1::UpdateNamespaceRequest& request) {
  NamespaceUpdate out;
  ForEachSetting([&]<typename T>(const NamespaceSetting<T>& setting) {
    T value{};
    if (ReadNumber(request, setting.name, &value)) {
      out.*setting.update = value;
    }
  });
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
  for (const NamespaceFigure& figure : kNamespaceFigures) {
    SetNumber(figure.name, info.stats.*figure.value, stats);
  }
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
