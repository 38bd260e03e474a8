#include "server/config/config_namespace.h"

#include <algorithm>
#include <string>
#include <vector>

#include "nearhit/embedder.h"
#include "nearhit/settings.h"

namespace nearhit::server {
namespace {

// The daemon registers "local" after it has read the file.
std::vector<std::string> KnownKinds() {
  std::vector<std::string> kinds = EmbedderKinds();
  if (std::find(kinds.begin(), kinds.end(), "local") == kinds.end()) {
    kinds.emplace_back("local");
  }
  return kinds;
}

void ReadField(const EmbedderField<std::string>& field, TomlReader* reader, EmbedderSpec* out) {
  if (field.name == "kind") {
    reader->OneOf(field.name, KnownKinds(), &out->kind);
  } else if (field.choices[0].empty()) {
    reader->String(field.name, &(out->*field.value));
  } else {
    reader->OneOf(field.name, {field.choices.begin(), field.choices.end()}, &(out->*field.value));
  }
}
void ReadField(const EmbedderField<std::chrono::milliseconds>& field, TomlReader* reader,
               EmbedderSpec* out) {
  std::int64_t millis = (out->*field.value).count();
  reader->Int(field.name, field.min, field.max, &millis);
  out->*field.value = std::chrono::milliseconds(millis);
}
template <typename T>
void ReadField(const EmbedderField<T>& field, TomlReader* reader, EmbedderSpec* out) {
  reader->Int(field.name, field.min, field.max, &(out->*field.value));
}

void ReadEmbedder(const toml::table& table, const std::string& source, TomlReader* parent,
                  EmbedderSpec* out) {
  TomlReader reader(table, "namespace.embedder", source);
  ForEachEmbedderField([&](const auto& field) { ReadField(field, &reader, out); });
  if (out->kind == "http") {
    reader.Required("url");
    reader.Required("model");
  }
  parent->Fail(reader.Finish());
}

// The range depends on the metric, which may be written after the threshold.
void CheckThreshold(const toml::table& table, const NamespaceConfig& config, TomlReader* reader) {
  const toml::node* node = table.get("threshold");
  const float threshold = config.threshold;
  if (config.metric == Metric::kCosine && !(threshold >= -1 && threshold <= 1)) {
    reader->Fail(node, "threshold", "must be in [-1, 1] for metric \"cosine\"");
  }
  if (config.metric == Metric::kL2 && !(threshold > 0 && threshold <= 1)) {
    reader->Fail(node, "threshold", "must be in (0, 1] for metric \"l2\"");
  }
}

}  // namespace

Result<NamedNamespace> ReadNamespace(const toml::table& table, const std::string& source) {
  NamedNamespace out;
  NamespaceConfig& config = out.config;
  config.embedder.kind = "";  // until the file says one
  TomlReader reader(table, "namespace", source);
  reader.Required("name");
  reader.String("name", &out.name);
  reader.Enum<NamespaceKind>(
      "kind", {{"cache", NamespaceKind::kCache}, {"vectors", NamespaceKind::kVectors}},
      &config.kind);
  reader.Int("dimension", 0, std::int64_t{kMaxDimension}, &config.dimension);
  reader.Enum<Metric>(
      "metric", {{"cosine", Metric::kCosine}, {"ip", Metric::kInnerProduct}, {"l2", Metric::kL2}},
      &config.metric);
  ForEachSetting([&](const auto& setting) {
    reader.InRange(setting.name, setting.min, setting.max, &(config.*setting.value));
  });
  std::string guards_off;
  reader.String("guards_off", &guards_off);
  if (Result<GuardSet> guards = ParseGuards(guards_off); guards.ok()) {
    config.guards_off = *guards;
  } else {
    reader.Fail(table.get("guards_off"), "guards_off", std::string(guards.status().message()));
  }
  reader.Enum<Durability>("durability",
                          {{"async", Durability::kAsync}, {"sync", Durability::kSync}},
                          &config.durability);
  if (const toml::table* embedder = reader.Table("embedder")) {
    ReadEmbedder(*embedder, source, &reader, &config.embedder);
  }
  CheckThreshold(table, config, &reader);
  if (config.max_ttl_ms != 0 && config.default_ttl_ms > config.max_ttl_ms) {
    reader.Fail(table.get("default_ttl_ms"), "default_ttl_ms", "is longer than max_ttl_ms");
  }
  NEARHIT_RETURN_IF_ERROR(reader.Finish());
  return out;
}

}  // namespace nearhit::server
