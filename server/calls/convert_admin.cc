// The part of convert.h that is about namespaces and figures.
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "base/check.h"
#include "nearhit/settings.h"
#include "server/calls/convert.h"

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
  NEARHIT_CHECK(field != nullptr);  // tests/server/calls/convert_test.cc
  return field;
}

template <typename T>
void SetNumber(std::string_view name, T value, Message* out) {
  const FieldDescriptor* field = FieldOf(*out, name);
  const google::protobuf::Reflection* to = out->GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_FLOAT:
      return to->SetFloat(out, field, static_cast<float>(value));
    case FieldDescriptor::CPPTYPE_INT32:
      return to->SetInt32(out, field, static_cast<std::int32_t>(value));
    case FieldDescriptor::CPPTYPE_UINT32:
      return to->SetUInt32(out, field, static_cast<std::uint32_t>(value));
    case FieldDescriptor::CPPTYPE_INT64:
      return to->SetInt64(out, field, static_cast<std::int64_t>(value));
    default:
      return to->SetUInt64(out, field, static_cast<std::uint64_t>(value));
  }
}

template <typename T>
T NumberOf(const Message& message, const FieldDescriptor* field) {
  const google::protobuf::Reflection* from = message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_FLOAT:
      return static_cast<T>(from->GetFloat(message, field));
    case FieldDescriptor::CPPTYPE_INT32:
      return static_cast<T>(from->GetInt32(message, field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return static_cast<T>(from->GetUInt32(message, field));
    case FieldDescriptor::CPPTYPE_INT64:
      return static_cast<T>(from->GetInt64(message, field));
    default:
      return static_cast<T>(from->GetUInt64(message, field));
  }
}

// Leaves `out` when the message does not say. A field without presence says 0.
template <typename T>
bool ReadNumber(const Message& message, std::string_view name, T* out) {
  const FieldDescriptor* field = FieldOf(message, name);
  if (field->has_presence() && !message.GetReflection()->HasField(message, field)) {
    return false;
  }
  *out = NumberOf<T>(message, field);
  return true;
}

// Absent and empty fields leave what is the default.
void ReadField(const v1::EmbedderSpec& spec, const EmbedderField<std::string>& field,
               EmbedderSpec* out) {
  const std::string value =
      v1::EmbedderSpec::GetReflection()->GetString(spec, FieldOf(spec, field.name));
  if (!value.empty()) {
    out->*field.value = value;
  }
}
void ReadField(const v1::EmbedderSpec& spec, const EmbedderField<std::chrono::milliseconds>& field,
               EmbedderSpec* out) {
  std::int64_t millis = (out->*field.value).count();
  ReadNumber(spec, field.name, &millis);
  out->*field.value = std::chrono::milliseconds(millis);
}
template <typename T>
void ReadField(const v1::EmbedderSpec& spec, const EmbedderField<T>& field, EmbedderSpec* out) {
  ReadNumber(spec, field.name, &(out->*field.value));
}

EmbedderSpec DecodeEmbedder(const v1::EmbedderSpec& spec) {
  EmbedderSpec out;
  ForEachEmbedderField([&](const auto& field) { ReadField(spec, field, &out); });
  out.kind = spec.kind();  // empty: not said
  return out;
}

void SetField(const EmbedderField<std::string>& field, const EmbedderSpec& spec,
              v1::EmbedderSpec* out) {
  v1::EmbedderSpec::GetReflection()->SetString(out, FieldOf(*out, field.name), spec.*field.value);
}
void SetField(const EmbedderField<std::chrono::milliseconds>& field, const EmbedderSpec& spec,
              v1::EmbedderSpec* out) {
  SetNumber(field.name, std::int64_t{(spec.*field.value).count()}, out);
}
template <typename T>
void SetField(const EmbedderField<T>& field, const EmbedderSpec& spec, v1::EmbedderSpec* out) {
  SetNumber(field.name, spec.*field.value, out);
}

// Without the fields that its kind does not use.
void EmbedderToProto(const EmbedderSpec& spec, v1::EmbedderSpec* out) {
  ForEachEmbedderField([&](const auto& field) {
    if (field.kind.empty() || field.kind == spec.kind) {
      SetField(field, spec, out);
    }
  });
}

Result<GuardSet> DecodeGuards(const std::string& text) {
  Result<GuardSet> guards = ParseGuards(text);
  return guards.ok() ? std::move(guards)
                     : InvalidArgument("guards_off: " + std::string(guards.status().message()));
}

void ConfigToProto(const NamespaceConfig& config, v1::NamespaceConfig* out) {
  out->set_kind(static_cast<v1::NamespaceKind>(config.kind));
  out->set_dimension(config.dimension);
  out->set_metric(static_cast<v1::Metric>(config.metric));
  EmbedderToProto(config.embedder, out->mutable_embedder());
  ForEachSetting([&](const auto& setting) { SetNumber(setting.name, config.*setting.value, out); });
  out->set_durability(static_cast<v1::Durability>(config.durability));
  out->set_guards_off(GuardsText(config.guards_off));
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
  out.embedder = DecodeEmbedder(config.embedder());
  ForEachSetting(
      [&](const auto& setting) { ReadNumber(config, setting.name, &(out.*setting.value)); });
  NEARHIT_ASSIGN_OR_RETURN(out.guards_off, DecodeGuards(config.guards_off()));
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
  if (request.has_guards_off()) {
    NEARHIT_ASSIGN_OR_RETURN(out.guards_off, DecodeGuards(request.guards_off()));
  }
  if (request.has_durability()) {
    NEARHIT_ASSIGN_OR_RETURN(out.durability, DecodeDurability(request.durability()));
  }
  if (request.has_embedder()) {
    out.embedder = DecodeEmbedder(request.embedder());
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
  for (const NamespaceMetric& metric : kNamespaceMetrics) {
    SetNumber(metric.name, info.stats.*metric.value, stats);
  }
  for (std::size_t i = 0; i < kGuardNames.size(); ++i) {
    if (info.stats.guard_refusals[i] != 0) {
      v1::GuardRefusals& refusals = *stats->add_guard_refusals();
      refusals.set_guard(std::string(kGuardNames[i]));
      refusals.set_misses(info.stats.guard_refusals[i]);
    }
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
